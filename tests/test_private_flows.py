"""Every address that names something of a private flow × who it is, or is not, shared with."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.access import ACCESS, SOCKETS, needs
from accounts.models import Membership, Role, User
from accounts.permissions import ROLE_ACTIONS, SCOPE_ACTIONS, Actor, member_actor
from accounts.services import create_api_key
from execution.files.models import File
from execution.live.consumers import RunConsumer
from execution.live.flow_consumer import FlowConsumer
from execution.live.seen import flow_still_seen, run_still_seen
from flows.models import Flow, FlowShare, ShareLevel
from flows.sharing import actions_on, on
from tests.support.access_routes import Route, routes
from tests.support.access_world import AccessWorld, access_world
from tests.test_access_matrix import Matrix, _said

#: Parts of addresses that lead to a flow, its runs, approvals and the files of its runs.
PARTS = {"flow_id", "flow", "run_id", "run", "approval_id", "file_id", "file"}
#: Who asks: role, and the level of their share.
PEOPLE: dict[str, tuple[str, str]] = {
    "maker": (Role.BUILDER, ""),
    "other builder": (Role.BUILDER, ""),
    "other viewer": (Role.VIEWER, ""),
    "other admin": (Role.ADMIN, ""),
    "builder who sees": (Role.BUILDER, ShareLevel.VIEW),
    "builder who runs": (Role.BUILDER, ShareLevel.RUN),
    "builder who edits": (Role.BUILDER, ShareLevel.EDIT),
    "viewer who sees": (Role.VIEWER, ShareLevel.VIEW),
    "viewer who runs": (Role.VIEWER, ShareLevel.RUN),
    "viewer who edits": (Role.VIEWER, ShareLevel.EDIT),
}
#: What of a flow is done with it, and not in the workspace.
OF_A_FLOW = {
    *("run.start", "run.cancel", "run.approve", "flow.edit", "flow.publish", "flow.delete"),
    "file.delete",
}
#: What people may do of these, by hand: not computed by what is tested.
MAY: dict[str, set[str]] = {
    "maker": OF_A_FLOW,
    "other admin": OF_A_FLOW,
    "builder who sees": set(),
    "builder who runs": {"run.start", "run.cancel", "run.approve", "file.delete"},
    "builder who edits": OF_A_FLOW - {"flow.delete"},
    "viewer who sees": set(),
    "viewer who runs": {"run.start", "run.cancel"},
    "viewer who edits": {"run.start", "run.cancel", "flow.edit"},
}
UNSEEN = {"other builder", "other viewer"}
#: A key of the person; none has more than its scopes.
KEYS = ("key of the maker", "key of another builder", "key of a viewer who edits")


class PrivateWorld:
    """The world of the matrix, whose flow is private to a builder."""

    def __init__(self, world: AccessWorld) -> None:
        self.world = world
        self.flow = Flow.objects.get(id=world.given["flow_id"])
        self.users: dict[str, User] = {}
        for name, (role, level) in PEOPLE.items():
            user = User.objects.create_user(f"{name.replace(' ', '.')}@example.com", "x")
            self.users[name] = user
            Membership.objects.create(workspace=world.workspace, user=user, role=role)
            if level:
                FlowShare.objects.create(flow=self.flow, user=user, level=level)
            client = Client(raise_request_exception=False)
            client.handler = world.clients["anonymous"].handler
            client.force_login(user)
            world.clients[name] = client
        self.flow.visibility, self.flow.created_by = "private", self.users["maker"]
        self.flow.save()
        File.objects.filter(id=world.given["file_id"]).update(flow_id=self.flow.id)
        makers = ("maker", "other builder", "viewer who edits")
        for name, who in zip(KEYS, makers, strict=True):
            world.clients[name] = self._key_client(name, self.users[who])

    def _key_client(self, name: str, maker: User) -> Client:
        owner = member_actor(self.world.users[Role.OWNER], self.world.workspace)
        assert owner is not None
        key, token = create_api_key(owner, name=name, scopes=SCOPE_ACTIONS)
        key.created_by = maker
        key.save()
        client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})
        client.handler = self.world.clients["anonymous"].handler
        return client

    def actor(self, name: str) -> Actor:
        found = member_actor(self.users[name], self.world.workspace)
        assert found is not None
        return found


@pytest.fixture
def private(db: None, without_examples: None, monkeypatch: pytest.MonkeyPatch) -> PrivateWorld:
    monkeypatch.setattr("execution.services.dispatch", lambda *args: None)
    return PrivateWorld(access_world())


def expected(route: Route, need: str, caller: str) -> set[str]:
    """The words that are right for this cell."""
    passes, refused = {"let in", "sent on"}, {"refused"}
    if caller in KEYS:
        return _expected_of_key(need, caller, passes)
    role, _ = PEOPLE[caller]
    own = need in ROLE_ACTIONS[role]
    if caller in UNSEEN:
        # Where the gate of the API asks for the role first, it is refused before it is looked for.
        return {"unknown"} if own else {"unknown", "refused"}
    if route.name == "flow-sharing" and need == "flow.all":
        # Who may edit it does not say who else may.
        return passes if caller in ("maker", "other admin") else refused
    if need in OF_A_FLOW:
        may = need in MAY[caller]
        # The API's gate asks for the role: what a share gives beyond it is for pages.
        return passes if may and (own or not route.is_api) else refused | {"unknown"} - passes
    return passes if own or (need in {"file.write"} and not route.is_api) else refused


def _expected_of_key(need: str, caller: str, passes: set[str]) -> set[str]:
    role = Role.VIEWER if "viewer" in caller else Role.BUILDER
    by_scope = any(need in actions for actions in SCOPE_ACTIONS.values())
    if need not in ROLE_ACTIONS[role] or not by_scope:
        return {"refused"}
    return {"unknown"} if "another" in caller else passes


def test_s9_what_is_of_a_private_flow_is_for_those_it_is_shared_with(
    private: PrivateWorld, counted: Callable[[str], None]
) -> None:
    matrix = Matrix(private.world)
    cells: Counter[str] = Counter()
    wrong = []
    calls = [
        (method != "GET", route, method, need)
        for route in routes()
        if PARTS & set(route.parts) and not route.name.startswith(("admin:", "approval-link"))
        for method, need in needs(ACCESS[route.row]).items()
    ]
    for _, route, method, need in sorted(calls, key=lambda call: call[0]):
        for caller in (*PEOPLE, *(KEYS if route.is_api else ())):
            response = matrix._response(route, method, need, caller)
            said = _said(response)
            cells[caller] += 1
            if said not in expected(route, need, caller):
                wrong.append(
                    f"{method} {route.name} ({need}) by {caller}: {said} "
                    f"({response.status_code}); {response.content[:120]!r}"
                )
    counted(f"private flows: {sum(cells.values())} cells, {len(wrong)} wrong")
    assert wrong == [], "\n".join(wrong)
    assert sum(cells.values()) > 700


def test_lists_and_counts_leave_out_what_is_not_seen(private: PrivateWorld) -> None:
    world = private.world
    address = f"/flows/{private.flow.id}/"
    run = f"/runs/{world.given['run_id']}/"
    for caller in PEOPLE:
        client = world.clients[caller]
        seen = caller not in UNSEEN
        flows = client.get("/api/v1/flows").json()["results"]
        assert bool(flows) == seen, caller
        assert bool(client.get("/api/v1/runs").json()["results"]) == seen, caller
        assert bool(client.get("/api/v1/files").json()["results"]) == seen, caller
        asked = f"/approvals/{world.given['approval_id']}/"
        pages = {"/": address, "/?q=Greet": address, "/runs/": run, "/approvals/?who=all": asked}
        for page, link in pages.items():
            assert (link in client.get(page).content.decode()) == seen, (caller, page)
    foreign = world.clients["key of another builder"]
    assert foreign.get(f"/api/v1/flows/{private.flow.slug}").status_code == 404


def test_sockets_open_for_those_who_see_it_and_close_once_it_is_taken_from_them(
    private: PrivateWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(SOCKETS) == 2
    for consumer, part in ((RunConsumer, "run_id"), (FlowConsumer, "flow_id")):
        monkeypatch.setattr(f"{consumer.__module__}.give_back", lambda: None)
        for caller in PEOPLE:
            asked: Any = consumer()
            asked.scope = {
                "user": private.users[caller],
                "url_route": {"kwargs": {part: private.world.given[part]}},
            }
            assert (asked._open() is not None) == (caller not in UNSEEN), (part, caller)
    actor = private.actor("builder who sees")
    flow, run = private.world.given["flow_id"], private.world.given["run_id"]
    assert flow_still_seen(actor, flow)
    assert run_still_seen(actor, run)
    FlowShare.objects.filter(user=private.users["builder who sees"]).delete()
    assert not flow_still_seen(actor, flow)
    assert not run_still_seen(actor, run)


def test_what_a_share_gives_does_not_reach_beyond_its_flow(private: PrivateWorld) -> None:
    editor = private.actor("viewer who edits")
    assert "flow.edit" in actions_on(editor, private.flow)
    for action in ("flow.publish", "flow.delete", "flow.create", "key.manage"):
        assert action not in actions_on(editor, private.flow)
    other = Flow.objects.create(workspace=private.world.workspace, slug="other", name="Other")
    assert actions_on(editor, other) == ROLE_ACTIONS[Role.VIEWER]
    # Asked again of an actor that is narrowed already, it is the same.
    for name in PEOPLE:
        narrowed = on(private.actor(name), private.flow)
        assert on(narrowed, private.flow) == narrowed, name
        # Nor does it carry over to another flow.
        assert actions_on(narrowed, other) == actions_on(private.actor(name), other), name
