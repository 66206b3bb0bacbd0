"""What the tests of approvals share: a run that waits, people in every role, the engine's calls."""

import itertools
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Membership, User, Workspace
from accounts.permissions import Actor, member_actor
from execution.approval_models import Approval
from execution.approvals import open_approval
from execution.models import Run
from execution.shapes import NodeCall
from execution.tests.flows_for_tests import document, output, published, start_node
from execution.tests.pages_for_tests import make_run

JSON = Any
ROLES = ("owner", "admin", "builder", "viewer")
_number = itertools.count(1)


def asking(**more: JSON) -> dict[str, JSON]:
    """A document with an approval node `ask` in its middle."""
    ask = {"id": "ask", "type": "approval", "config": {"message": "Go?"}, **more}
    nodes = [start_node("topic"), ask, output("yes", "yes"), output("no", "no")]
    return document(nodes, ["start>ask", "ask.approved>yes", "ask.rejected>no"])


def asking_for_each() -> dict[str, JSON]:
    """A document with an approval node `ask` inside of a map `rows`."""
    rows = {"id": "rows", "type": "map", "config": {"items": [1, 2]}}
    ask = {"id": "ask", "type": "approval", "config": {"message": "Go?"}, "parent": "rows"}
    return document([start_node("topic"), rows, ask, output("done", "end")], ["start>rows"])


def waiting_run(actor: Actor, config: dict[str, JSON] | None = None, **more: JSON) -> Run:
    """A run that is under way and has come to its approval, which asks what `config` says."""
    run = make_run(published(actor, asking(**more)), "running", last_seq=1)
    ask(run, config)
    return run


def ask(run: Run, config: dict[str, JSON] | None = None, path: Any = ()) -> dict[str, Any]:
    """What the engine does when the run comes to the node."""
    return open_approval(call_for(run, path), {"message": "Go?", **(config or {})})


def call_for(run: Run, path: Any = (), node: str = "ask") -> NodeCall:
    return NodeCall(
        run_id=str(run.id),
        workspace_id=str(run.workspace_id),
        flow_id=str(run.flow_id),
        node=node,
        type="approval",
        config=None,
        path=list(path),
        timeout_seconds=60,
        retry={},
        retry_asked_for=False,
        context={},
        incoming=[],
        from_record=[],
        run_inputs={},
        session_id=None,
        started_at=timezone.now().isoformat(),
        deadline=timezone.now().isoformat(),
        value_limit=32_768,
        records=[],
    )


def approval_of(run: Run) -> Approval:
    return Approval.objects.get(run=run)


def person(workspace: Workspace, role: str, name: str = "") -> tuple[User, Actor]:
    """A new member with this role."""
    name = name or f"{role}{next(_number)}"
    user = User.objects.create_user(f"{name}@example.com", "x", name=name.title())
    Membership.objects.create(workspace=workspace, user=user, role=role)
    actor = member_actor(user, workspace)
    assert actor is not None
    return user, actor


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What workflows were told, instead of telling them: (run id, news)."""
    told: list[tuple[str, Any]] = []

    def note(run_id: str, news: Any) -> bool:
        told.append((run_id, news))
        return True

    monkeypatch.setattr("execution.approval_services.wake", note)
    return told
