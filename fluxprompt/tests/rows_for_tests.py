"""A row in every table of the product, for the tests of the operators' admin."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import uuid4

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.members.invitations import invite
from accounts.models import FeatureSwitch, Maintenance, Plan, SystemSetting, User, Workspace
from accounts.permissions import Actor, system_actor
from accounts.services import create_api_key, create_credential, create_workspace, set_variable
from billing.models import (
    CatalogueModel,
    CreditGrant,
    CreditMonth,
    PriceOverride,
    RunMonth,
    UsageRecord,
)
from execution.approval_models import Approval
from execution.files.models import File
from execution.knowledge.services import add_document, create_collection
from execution.memories.tests.rows_for_tests import remember
from execution.models import Blob, NodeRun, Run, RunEvent, Snapshot
from flows.models import Edge, Flow, FlowChange, FlowShare, FlowVersion, Folder, Node, Tag

CANARY = "sk-canary-31337"


@dataclass
class World:
    """What the rows belong to."""

    workspace: Workspace
    actor: Actor
    flow: Flow
    run: Run


def one_of_everything(number: int) -> World:
    """A workspace with a row in every table; `number` tells it from others."""
    user = User.objects.create_user(f"p{number}@example.com", "x", name=f"Person {number}")
    workspace = create_workspace(user, name=f"Lab {number}")
    actor = Actor(workspace.id, str(user), system_actor(workspace.id).actions, user_id=user.id)
    EmailAddress.objects.create(user=user, email=user.email)
    Authenticator.objects.create(user=user, type="totp", data={"secret": CANARY})
    UserSession.objects.create(
        user=user, ip="127.0.0.1", user_agent="x", session_key=f"session-{number}"
    )
    SocialAccount.objects.create(user=user, provider="google", uid=f"{number}")
    Group.objects.create(name=f"Group {number}")
    invite(actor, email=f"guest{number}@example.com", role="viewer")
    create_api_key(actor, name="ci")
    create_credential(actor, name="Claude", type="anthropic", values={"api_key": CANARY})
    set_variable(actor, "region", "eu")
    flow = Flow.objects.create(workspace=workspace, slug="x", name="<b>Triage</b>", created_by=user)
    Node.objects.create(flow=flow, key="a", position=0, type="input", config={"fields": []})
    Edge.objects.create(flow=flow, source="a", target="b", position=0)
    version = FlowVersion.objects.create(
        flow=flow, number=1, document={"nodes": [1]}, digest="d", created_by=user
    )
    Flow.objects.filter(id=flow.id).update(published=version)
    FlowChange.objects.create(
        flow=flow,
        revision=1,
        change_id=uuid4(),
        label="<b>Move</b>",
        ops=[{"op": "place", "node": "a", "place": None}],
        actor="x",
        written=1,
    )
    FlowShare.objects.create(flow=flow, user=user, level="view")
    Folder.objects.create(workspace=workspace, name="<b>Clients</b>")
    Tag.objects.create(workspace=workspace, name="<b>urgent</b>")
    run = _run(workspace, flow, version)
    PriceOverride.objects.create(
        model=f"openai/m{number}", input_per_million=1, output_per_million=2
    )
    CatalogueModel.objects.create(model=f"openai/m{number}", title="<script>alert(1)</script>")
    _of_operators(number, workspace)
    UsageRecord.objects.create(
        workspace=workspace, flow=flow, run_id=run.id, node="a", attempt=1, model="x/y"
    )
    Blob.objects.create(workspace=workspace, digest="d", kind="text", size=1)
    File.objects.create(workspace=workspace, name="<script>alert(1)</script>", size=1, key=number)
    made = create_collection(actor, name="<b>Handbook</b>")
    add_document(actor, made, name="<b>x</b>", text="<script>alert(1)</script>", metadata={"a": 1})
    return World(workspace, actor, flow, run)


def _of_operators(number: int, workspace: Workspace) -> None:
    now = timezone.now()
    Plan.objects.create(name=f"<b>Team {number}</b>", monthly_credit=10)
    SystemSetting.objects.create(name=f"banner{number}", value="<script>alert(1)</script>")
    switch = FeatureSwitch.objects.create(name=f"code{number}", state="chosen")
    switch.workspaces.add(workspace)
    Maintenance.objects.get_or_create(id=1, defaults={"message": "<script>alert(1)</script>"})
    said = "<script>alert(1)</script>"
    CreditGrant.objects.create(workspace=workspace, amount=5, reason=said, at=now)
    CreditMonth.objects.create(workspace=workspace, month=now.date().replace(day=1), allowance=10)
    RunMonth.objects.create(workspace=workspace, month=now.date().replace(day=1), number=10)


def _run(workspace: Workspace, flow: Flow, version: FlowVersion) -> Run:
    now = timezone.now()
    snapshot = Snapshot.objects.create(workspace=workspace, digest="d", document={"nodes": [1]})
    run = Run.objects.create(
        workspace=workspace,
        flow=flow,
        version=version,
        snapshot=snapshot,
        status="succeeded",
        created_at=now,
        started_at=now,
        finished_at=now,
        inputs={"text": "<script>alert(1)</script>"},
        cost=Decimal("0.5"),
        last_seq=1,
    )
    NodeRun.objects.create(run=run, node="a", type="input", status="succeeded", input={"x": 1})
    Approval.objects.create(
        run=run,
        workspace=workspace,
        node="a",
        message="<script>alert(1)</script>",
        comment="<script>alert(1)</script>",
        data={"a": "<script>alert(1)</script>"},
        created_at=now,
    )
    RunEvent.objects.create(run=run, seq=1, key="k", at=now, type="run.queued", data={"a": 1})
    remember(run)
    return run
