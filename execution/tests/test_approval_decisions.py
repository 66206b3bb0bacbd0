"""Who may decide an approval, what is recorded, and that only the first decision counts."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.ids import new_id
from accounts.models import ApiKey, AuditEvent, Membership, Workspace
from accounts.permissions import Actor, PermissionRefused, key_actor
from accounts.services import create_api_key
from execution.approval_models import Approval
from execution.approval_people import person_of
from execution.approval_queries import for_decision, open_count
from execution.approval_services import Answer, decide
from execution.approvals import settle_approval
from execution.ending import end_from_outside
from execution.errors import ApprovalMissing, DecisionInvalid, RunStateConflict
from execution.temporal_client import TemporalUnreachable
from execution.tests.approvals_for_tests import (
    ROLES,
    approval_of,
    call_for,
    person,
    waiting_run,
)

APPROVE = Answer("approve")
FIELDS = [
    {"name": "amount", "type": "number", "required": True},
    {"name": "note", "default": "none"},
]


def key_of(actor: Actor, *scopes: str) -> Actor:
    """A key that this member made."""
    key = ApiKey.objects.create(
        workspace_id=actor.workspace_id,
        name="ci",
        prefix=f"p{ApiKey.objects.count()}",
        digest="d",
        created_by_id=actor.user_id,
    )
    return key_actor(actor.workspace_id, key.id, "ci", scopes or ("approvals:write",))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("named", [None, "them", "somebody"])
@pytest.mark.usefixtures("woken")
def test_named_members_decide_in_any_role_and_else_all_but_viewers(
    actor: Actor, workspace: Workspace, role: str, named: str | None
) -> None:
    user, other = person(workspace, role)
    addresses = {None: [], "them": [user.email], "somebody": ["else@example.com"]}[named]
    run = waiting_run(actor, {"message": "Go?", "assignees": addresses})
    may = named == "them" or (named is None and role != "viewer")
    listed = for_decision(other, person_of(other)).filter(run=run)
    assert listed.exists() is may
    assert open_count(other, person_of(other)) == int(may)
    if may:
        assert decide(other, run, "ask", [], APPROVE).decision == "approved"
    else:
        with pytest.raises(PermissionRefused):
            decide(other, run, "ask", [], APPROVE)
        assert approval_of(run).state == "open"


@pytest.mark.parametrize("scopes", [(), ("runs:write", "runs:read"), ("runs:read",)])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.usefixtures("woken")
def test_a_key_needs_the_scope_and_then_decides_as_its_maker(
    actor: Actor, scopes: tuple[str, ...], named: bool
) -> None:
    config = {"message": "Go?", "assignees": ["ada@example.com"] if named else []}
    run = waiting_run(actor, config)
    key = key_of(actor, *scopes)
    assert for_decision(key, person_of(key)).exists() is (scopes == ())
    if scopes:
        with pytest.raises(PermissionRefused, match="approvals:write"):
            decide(key, run, "ask", [], APPROVE)
        return
    decided = decide(key, run, "ask", [], APPROVE)
    assert decided.decider == {
        "id": str(actor.user_id),
        "email": "ada@example.com",
        "name": "ada@example.com",
        "via": "api",
    }


@pytest.mark.usefixtures("woken")
def test_a_key_of_somebody_who_left_is_nobody_by_name(actor: Actor, workspace: Workspace) -> None:
    user, other = person(workspace, "builder")
    key = key_of(other)
    Membership.objects.filter(user=user).delete()
    named = waiting_run(actor, {"message": "Go?", "assignees": [user.email]})
    with pytest.raises(PermissionRefused, match="Only"):
        decide(key, named, "ask", [], APPROVE)
    decided = decide(key, waiting_run(actor), "ask", [], APPROVE)
    assert decided.decider == {"id": None, "email": None, "name": "key ci", "via": "api"}


def test_a_decision_is_recorded_audited_and_told_to_the_run(
    actor: Actor, woken: list[tuple[str, Any]]
) -> None:
    run = waiting_run(actor, {"message": "Pay?", "fields": FIELDS})
    decide(actor, run, "ask", [], Answer("approve", "Fine", {"amount": "7"}), via="page")
    approval = approval_of(run)
    assert (approval.state, approval.decision, approval.comment) == ("decided", "approved", "Fine")
    assert approval.data == {"amount": 7, "note": "none"}
    assert (approval.decided_by_id, approval.decided_via) == (actor.user_id, "page")
    event = AuditEvent.objects.get(action="run.approve")
    assert (event.user_id, event.target_id) == (actor.user_id, str(approval.id))
    assert event.details["decision"] == "approved"
    assert woken == [(str(run.id), {"kind": "approval", "node": "ask", "path": []})]


@pytest.mark.usefixtures("woken")
def test_only_the_first_decision_counts(actor: Actor, workspace: Workspace) -> None:
    run = waiting_run(actor)
    _, other = person(workspace, "builder", "grace")
    first = decide(other, run, "ask", [], Answer("reject", "No"))
    assert decide(other, run, "ask", [], Answer("reject", "No")).decided_at == first.decided_at
    for who, answer in ((actor, "reject"), (actor, "approve"), (other, "approve")):
        with pytest.raises(RunStateConflict, match=r"Grace rejected this on \d{4}-"):
            decide(who, run, "ask", [], Answer(answer))
    assert AuditEvent.objects.filter(action="run.approve").count() == 1


@pytest.mark.parametrize(
    ("answer", "other"),
    [
        (Answer("approve", "Fine", {"amount": 8}), "other data"),
        (Answer("approve", "Fine", {"amount": 7, "note": "x"}), "other data"),
        (Answer("approve", "Fine", {"amount": "many"}), "other data"),
        (Answer("approve", "Fine"), "other data"),
        (Answer("approve", "", {"amount": 7}), "another comment"),
        (Answer("approve", "a", {"amount": 8}), "other data and another comment"),
    ],
)
@pytest.mark.usefixtures("woken")
def test_the_same_decision_with_other_words_is_refused_and_not_dropped_in_silence(
    actor: Actor, answer: Answer, other: str
) -> None:
    run = waiting_run(actor, {"message": "Pay?", "fields": FIELDS})
    decide(actor, run, "ask", [], Answer("approve", "Fine", {"amount": "7"}))
    again = Answer("approve", "Fine", {"note": "none", "amount": 7})
    assert decide(actor, run, "ask", [], again).data == {"amount": 7, "note": "none"}
    with pytest.raises(RunStateConflict, match=rf"approved this on .* It was with {other} than"):
        decide(actor, run, "ask", [], answer)
    assert approval_of(run).data == {"amount": 7, "note": "none"}


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, "data.amount"),
        ({"amount": "many"}, "data.amount"),
        ({"amount": 1, "amuont": 2}, "data.amuont"),
        ({"amount": 1, "note": "\0"}, "data.note"),
    ],
)
@pytest.mark.usefixtures("woken")
def test_what_does_not_fit_the_fields_is_refused_with_its_place(
    actor: Actor, data: dict[str, Any], path: str
) -> None:
    run = waiting_run(actor, {"message": "Pay?", "fields": FIELDS})
    with pytest.raises(DecisionInvalid) as refused:
        decide(actor, run, "ask", [], Answer("approve", "", data))
    assert [error["path"] for error in refused.value.errors] == [path]
    assert approval_of(run).state == "open"


@pytest.mark.usefixtures("woken")
def test_who_rejects_need_not_fill_in_what_is_required(actor: Actor) -> None:
    run = waiting_run(actor, {"message": "Pay?", "fields": FIELDS})
    with pytest.raises(DecisionInvalid):
        decide(actor, run, "ask", [], Answer("reject", "", {"amount": "many"}))
    decided = decide(actor, run, "ask", [], Answer("reject"))
    assert decided.data == {"amount": None, "note": "none"}


@pytest.mark.parametrize("comment", ["x" * 10_001, "a\0b"])
def test_a_comment_that_cannot_be_kept_is_refused(actor: Actor, comment: str) -> None:
    run = waiting_run(actor)
    with pytest.raises(DecisionInvalid) as refused:
        decide(actor, run, "ask", [], Answer("approve", comment))
    assert refused.value.errors[0]["path"] == "comment"


def test_after_the_deadline_and_after_the_end_nothing_is_decided(actor: Actor) -> None:
    late = waiting_run(actor, {"message": "Go?", "timeout_seconds": 60})
    Approval.objects.filter(run=late).update(deadline=timezone.now() - timedelta(seconds=1))
    with pytest.raises(RunStateConflict, match="too late"):
        decide(actor, late, "ask", [], APPROVE)
    over = waiting_run(actor)
    end_from_outside(str(over.id), "cancelled", {"code": "cancelled", "message": "Cancelled."})
    with pytest.raises(RunStateConflict, match="The run has ended"):
        decide(actor, over, "ask", [], APPROVE)


def test_another_node_or_iteration_is_not_there(actor: Actor) -> None:
    run = waiting_run(actor)
    places: list[tuple[str, list[str | int]]] = [("yes", []), ("ask", ["rows", 1])]
    for node, path in places:
        with pytest.raises(ApprovalMissing):
            decide(actor, run, node, path, APPROVE)


def test_what_is_asked_for_items_says_so_and_names_open_ones(actor: Actor) -> None:
    run = waiting_run(actor)
    with pytest.raises(ApprovalMissing, match=r"not asked for items\. Leave out 'path'"):
        decide(actor, run, "ask", ["rows", 1], APPROVE)
    first = approval_of(run)
    Approval.objects.filter(pk=first.pk).update(path=["rows", 0])
    for index in range(1, 5):
        asked = Approval.objects.get(pk=first.pk)
        asked.pk, asked.path = new_id(), ["rows", index]
        asked.save(force_insert=True)
    with pytest.raises(ApprovalMissing) as missing:
        decide(actor, run, "ask", [], APPROVE)
    assert str(missing.value) == (
        "'ask' is asked for items: say which with 'path'. "
        'Open are ["rows", 0], ["rows", 1], ["rows", 2] and more.'
    )
    Approval.objects.update(state="cancelled")
    with pytest.raises(ApprovalMissing, match="nothing is open there any more"):
        decide(actor, run, "ask", [], APPROVE)


def test_a_decision_stands_while_temporal_is_away(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> bool:
        raise TemporalUnreachable("away")

    monkeypatch.setattr("execution.approval_services.wake", away)
    run = waiting_run(actor)
    assert decide(actor, run, "ask", [], APPROVE).state == "decided"
    assert settle_approval(call_for(run), False) is not None


def test_a_run_that_has_taken_the_decision_is_not_woken_again(
    actor: Actor, woken: list[tuple[str, Any]]
) -> None:
    run = waiting_run(actor)
    decide(actor, run, "ask", [], APPROVE)
    settle_approval(call_for(run), False)
    decide(actor, run, "ask", [], APPROVE)
    assert len(woken) == 1


def test_new_keys_may_approve_and_those_of_runs_may_not(actor: Actor) -> None:
    key, _ = create_api_key(actor, name="all")
    assert "approvals:write" in key.scopes
    assert not key_actor(actor.workspace_id, key.id, "k", ["runs:write"]).can("run.approve")
    assert key_actor(actor.workspace_id, key.id, "k", ["runs:write"]).can("run.cancel")
