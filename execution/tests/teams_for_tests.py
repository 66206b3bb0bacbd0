"""People of one workspace with a private flow, and runs that reach for what is of it."""

from django.utils import timezone

from accounts.models import Membership, Role, User
from accounts.permissions import Actor, member_actor
from accounts.services import create_workspace
from execution.models import Run
from execution.subflows import published_flow
from flows.engine.errors import NodeError
from flows.services import create_flow, publish_flow
from flows.sharing import share_flow
from flows.tests.fixtures import GREETING

PEOPLE = {"owner": Role.OWNER, "ada": Role.BUILDER, "bob": Role.BUILDER, "vi": Role.VIEWER}


class Team:
    """An owner, two builders and a viewer; the flow is Ada's and private."""

    def __init__(self) -> None:
        self.people = {name: User.objects.create_user(f"{name}@example.com") for name in PEOPLE}
        self.workspace = create_workspace(self.people["owner"], name="Lab")
        for name, role in PEOPLE.items():
            if name != "owner":
                Membership.objects.create(
                    workspace=self.workspace, user=self.people[name], role=role
                )
        self.flow = create_flow(self.actor("ada"), document=GREETING)
        publish_flow(self.actor("ada"), self.flow)
        self.flow = share_flow(self.actor("ada"), self.flow, visibility="private")

    def actor(self, name: str) -> Actor:
        found = member_actor(self.people[name], self.workspace)
        assert found is not None
        return found

    def run_by(self, name: str, *, publisher: str = "") -> Run:
        """A run of another flow: of its version, or of its draft where nobody published it."""
        flow = create_flow(self.actor("owner"), name="Caller")
        version = publish_flow(self.actor(publisher), flow) if publisher else None
        return Run.objects.create(
            workspace=self.workspace,
            flow=flow,
            version=version,
            created_by=self.people[name],
            created_at=timezone.now(),
        )

    def calls(self, run: Run) -> bool:
        try:
            published_flow(self.workspace.id, run.id, self.flow.slug, None)
        except NodeError as error:
            return error.code != "subflow_missing"
        return True
