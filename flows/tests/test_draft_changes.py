"""Changes of a draft: applied to the rows they name, once each, and told of in order."""

import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from accounts.models import AuditEvent
from accounts.permissions import ROLE_ACTIONS, Actor, PermissionRefused
from flows import services
from flows.change_log import TooOld
from flows.changes import Change, Outcome, change_draft, draft_state
from flows.draft import read_draft
from flows.engine.document import dump
from flows.engine.operations import parse_operations
from flows.engine.patch import Draft, apply
from flows.models import Flow, FlowChange
from flows.tests.fixtures import GREETING

JSON = Any
TAB, OTHER = uuid4(), uuid4()
STEP = {"id": "step", "type": "template", "config": {"template": "{{ start.name }}"}}


@pytest.fixture
def flow(actor: Actor) -> Flow:
    document = {**GREETING, "nodes": [GREETING["nodes"][0], STEP, GREETING["nodes"][1]]}
    document["edges"] = [{"from": "start", "to": "step"}, {"from": "step", "to": "result"}]
    return services.create_flow(actor, document=document)


def change(*ops: JSON, label: str = "Change", id: UUID | None = None) -> Change:
    return Change(id or uuid4(), label, parse_operations(list(ops)))


def send(
    actor: Actor,
    flow: Flow,
    *changes: Change,
    base: int | None = None,
    tab: UUID = TAB,
    earlier_tabs: Sequence[UUID] = (),
) -> Outcome:
    flow.refresh_from_db()
    at = flow.revision if base is None else base
    return change_draft(actor, flow, tab=tab, base=at, changes=changes, earlier_tabs=earlier_tabs)


def document(flow: Flow) -> JSON:
    flow.refresh_from_db()
    return dump(read_draft(flow))


def node(flow: Flow, key: str) -> JSON:
    return next(node for node in document(flow)["nodes"] if node["id"] == key)


def refusal(outcome: Outcome) -> JSON:
    assert not outcome.applied
    return outcome.refused[0]["conflicts"][0]


def test_each_change_makes_a_revision_and_a_row(actor: Actor, flow: Flow) -> None:
    one = change({"op": "place", "node": "step", "place": {"x": 5, "y": 6.5}}, label="Move 1 node")
    two = change({"op": "set", "node": "step", "path": ["label"], "value": "Greet"})
    audits = AuditEvent.objects.count()
    outcome = send(actor, flow, one, two)
    assert outcome.revision == 3
    assert [(a["revision"], a["id"], a["label"]) for a in outcome.applied] == [
        (2, str(one.id), "Move 1 node"),
        (3, str(two.id), "Change"),
    ]
    assert outcome.applied[0]["by"] == actor.label
    assert outcome.applied[0]["tab"] == str(TAB)
    assert document(flow)["layout"] == {"step": {"x": 5, "y": 6.5}}
    assert node(flow, "step")["label"] == "Greet"
    assert AuditEvent.objects.count() == audits + 1
    assert AuditEvent.objects.order_by("-at")[0].details["changes"] == ["Move 1 node", "Change"]
    assert flow.revision == 3


def test_a_change_sent_again_is_answered_as_before_and_not_applied(
    actor: Actor, flow: Flow
) -> None:
    add = change({"op": "add_node", "node": {"id": "more", "type": "llm"}})
    first = send(actor, flow, add, base=1)
    again = send(actor, flow, add, base=1)
    assert again == first
    assert send(actor, flow, add, base=2).applied == first.applied
    assert flow.nodes.count() == 4
    assert flow.changes.count() == 1


def test_operations_of_all_kinds_reach_the_rows(actor: Actor, flow: Flow) -> None:
    entry = {"id": "each", "type": "map", "config": {"items": "{{ start.name }}"}}
    inner = {"id": "inner", "type": "template", "parent": "each", "config": {"template": "x"}}
    send(
        actor,
        flow,
        change(
            {"op": "add_node", "node": entry, "place": {"x": 1, "y": 2}},
            {"op": "add_node", "node": inner, "place": None},
            {"op": "add_edge", "edge": {"from": "start", "to": "each"}},
            {"op": "remove_edge", "edge": {"from": "step", "to": "result"}},
            {"op": "set", "node": "step", "path": ["retry"], "value": {"max_attempts": 2}},
            {"op": "set", "node": "step", "path": ["retry", "backoff"], "value": 3},
            {"op": "set", "node": "step", "path": ["config", "template"]},
            {"op": "set_flow", "path": ["settings", "budget"], "value": 5},
            {"op": "set_flow", "path": ["name"], "value": "Other"},
            {"op": "pin", "node": "step", "value": {"text": "Hi"}},
        ),
    )
    found = document(flow)
    assert [entry["id"] for entry in found["nodes"]] == ["start", "step", "result", "each", "inner"]
    assert found["edges"] == [{"from": "start", "to": "step"}, {"from": "start", "to": "each"}]
    assert found["settings"] == {"budget": "5"}
    assert flow.name == "Other"
    assert node(flow, "step") == {
        "id": "step",
        "type": "template",
        "retry": {"max_attempts": 2, "backoff": 3},
    }
    assert draft_state(actor, flow)["pins"] == {"step": {"text": "Hi"}}
    assert found["layout"] == {"each": {"x": 1, "y": 2}}


def test_the_log_played_back_gives_the_draft(actor: Actor, flow: Flow) -> None:
    before = document(flow)
    send(actor, flow, change({"op": "remove_node", "node": "step"}))
    send(actor, flow, change({"op": "add_node", "node": STEP, "at": 1}))
    send(actor, flow, change({"op": "rename_node", "node": "start", "to": "begin"}))
    services.update_flow(actor, flow, name="Third")
    services.replace_draft(actor, flow, {**GREETING, "description": "x"})
    services.publish_flow(actor, flow)
    services.replace_draft(actor, flow, {**GREETING, "nodes": GREETING["nodes"][::-1]})
    services.restore_version(actor, flow, 1)
    draft = Draft.of(before)
    for row in flow.changes.all():
        assert apply(draft, row.ops or []).conflicts == []
    assert draft.document() == Draft.of(document(flow)).document()
    assert [row.label for row in flow.changes.all()][3:] == [
        "Rename the flow",
        "Replace the document",
        "Replace the document",
        "Restore version 1",
    ]


def test_pages_read_the_draft_anew_where_no_operations_say_what_changed(
    actor: Actor, flow: Flow
) -> None:
    base = flow.revision
    loose = {**GREETING, "edges": [*GREETING["edges"], {"from": "start", "to": "nowhere"}]}
    replaced = services.replace_draft(actor, flow, loose)
    assert replaced.changes.get(revision=base + 1).ops is None
    with pytest.raises(TooOld):
        send(actor, replaced, base=base)


def test_a_new_name_reaches_every_expression_and_comes_back_with_the_change(
    actor: Actor, flow: Flow
) -> None:
    outcome = send(actor, flow, change({"op": "rename_node", "node": "start", "to": "begin"}))
    assert [op["op"] for op in outcome.applied[0]["ops"]] == ["rename_node", "set", "set"]
    found = document(flow)
    assert [entry["id"] for entry in found["nodes"]] == ["begin", "step", "result"]
    assert found["edges"][0] == {"from": "begin", "to": "step"}
    assert node(flow, "result")["config"]["value"] == "Hello {{ begin.name }}"


def test_two_nodes_change_names_with_each_other(actor: Actor, flow: Flow) -> None:
    send(
        actor,
        flow,
        change(
            {"op": "rename_node", "node": "start", "to": "aside"},
            {"op": "rename_node", "node": "step", "to": "start"},
            {"op": "rename_node", "node": "aside", "to": "step"},
        ),
    )
    assert [entry["id"] for entry in document(flow)["nodes"]] == ["step", "start", "result"]
    assert node(flow, "result")["config"]["value"] == "Hello {{ step.name }}"


@pytest.mark.parametrize(
    ("new", "code"), [("step", "id_taken"), ("item", "invalid"), ("gone", None)]
)
def test_a_name_that_cannot_be_taken_is_told(
    actor: Actor, flow: Flow, new: str, code: str | None
) -> None:
    outcome = send(actor, flow, change({"op": "rename_node", "node": "start", "to": new}))
    assert (refusal(outcome)["code"] if outcome.refused else None) == code


def test_a_removed_node_takes_the_wires_along_that_others_drew(actor: Actor, flow: Flow) -> None:
    outcome = send(actor, flow, change({"op": "remove_node", "node": "step"}))
    kinds = [op["op"] for op in outcome.applied[0]["ops"]]
    assert kinds == ["remove_edge", "remove_edge", "remove_node"]
    assert "edges" not in document(flow)
    back = [
        {"op": "add_node", "node": STEP, "place": None, "at": 1},
        {"op": "add_edge", "edge": {"from": "start", "to": "step"}},
        {"op": "add_edge", "edge": {"from": "step", "to": "result"}},
    ]
    send(actor, flow, change(*back))
    assert [entry["id"] for entry in document(flow)["nodes"]] == ["start", "step", "result"]


def test_a_taken_id_refuses_the_whole_change(actor: Actor, flow: Flow) -> None:
    outcome = send(
        actor,
        flow,
        change(
            {"op": "set", "node": "step", "path": ["label"], "value": "Never"},
            {"op": "add_node", "node": STEP},
        ),
        change({"op": "set", "node": "result", "path": ["label"], "value": "Kept"}),
    )
    assert outcome.refused[0]["conflicts"][0] == {
        "op": 1,
        "code": "id_taken",
        "message": "There is a node 'step' already. Give the new one another id.",
        "node": "step",
    }
    assert "label" not in node(flow, "step")
    assert node(flow, "result")["label"] == "Kept"
    assert outcome.revision == 2


def test_what_cannot_be_applied_is_left_out_and_told(actor: Actor, flow: Flow) -> None:
    outcome = send(
        actor,
        flow,
        change(
            {"op": "set", "node": "nobody", "path": ["label"], "value": "x"},
            {"op": "set", "node": "step", "path": ["label"], "value": "x"},
            {"op": "remove_edge", "edge": {"from": "start", "to": "result"}},
            {"op": "add_edge", "edge": {"from": "start", "to": "step"}},
        ),
    )
    applied = outcome.applied[0]
    assert [op["op"] for op in applied["ops"]] == ["set"]
    found = [(conflict["op"], conflict["code"]) for conflict in applied["conflicts"]]
    assert found == [(0, "node_gone"), (2, "edge_gone"), (3, "edge_exists")]


def test_a_value_over_somebody_elses_counts_and_is_told_with_theirs(
    actor: Actor, flow: Flow
) -> None:
    bob = Actor(actor.workspace_id, "Bob", actor.actions)
    path = ["config", "template"]
    theirs = change({"op": "set", "node": "step", "path": path, "value": "Theirs"})
    send(bob, flow, theirs, base=1, tab=OTHER)
    mine = change(
        {"op": "set", "node": "step", "path": path, "value": "Mine"},
        {"op": "set", "node": "step", "path": ["label"], "value": "Mine"},
    )
    outcome = send(actor, flow, mine, base=1)
    assert [applied["by"] for applied in outcome.applied] == ["Bob", actor.label]
    (conflict,) = outcome.applied[1]["conflicts"]
    assert conflict.pop("message").startswith("Bob changed")
    assert conflict == {
        "op": 0,
        "code": "overwritten",
        "node": "step",
        "path": path,
        "theirs": "Theirs",
        "by": "Bob",
    }
    assert node(flow, "step")["config"]["template"] == "Mine"
    logged = FlowChange.objects.get(flow=flow, revision=2).ops
    assert logged is not None
    assert logged[0]["value"] == "Theirs"


def test_a_place_over_somebody_elses_is_told_and_ones_own_is_not(actor: Actor, flow: Flow) -> None:
    move = {"op": "place", "node": "step", "place": {"x": 1, "y": 1}}
    send(actor, flow, change(move), base=1, tab=OTHER)
    further = {"op": "place", "node": "step", "place": {"x": 2, "y": 2}}
    told = send(actor, flow, change(further), base=1).applied[1]["conflicts"]
    assert [(c["code"], c["theirs"]) for c in told] == [("overwritten", {"x": 1, "y": 1})]
    again = send(actor, flow, change(move), base=2)
    assert [applied["conflicts"] for applied in again.applied][1:] == [[]]


def test_theirs_is_told_once_as_it_was(actor: Actor, flow: Flow) -> None:
    def setting(value: str) -> Change:
        path = ["config", "template"]
        return change({"op": "set", "node": "step", "path": path, "value": value})

    send(actor, flow, setting("Theirs"), base=1, tab=OTHER)
    sent = send(actor, flow, setting("Mine"), setting("Mine, longer"), base=1).applied[1:]
    told = [[conflict["theirs"] for conflict in change["conflicts"]] for change in sent]
    assert told == [["Theirs"], []]


def test_what_an_earlier_tab_of_ones_own_had_sent_is_no_conflict(actor: Actor, flow: Flow) -> None:
    def setting(value: str) -> Change:
        return change({"op": "set", "node": "step", "path": ["label"], "value": value})

    send(actor, flow, setting("Half"), base=1, tab=OTHER)
    sent = send(actor, flow, setting("Whole"), base=1, earlier_tabs=[OTHER])
    assert [change["conflicts"] for change in sent.applied] == [[], []]
    third = UUID(int=3)
    send(actor, flow, setting("Theirs"), base=3, tab=third)
    (conflict,) = send(actor, flow, setting("Mine"), base=3, earlier_tabs=[OTHER]).applied[1][
        "conflicts"
    ]
    assert conflict["theirs"] == "Theirs"


def test_who_removed_or_renamed_a_node_is_said(actor: Actor, flow: Flow) -> None:
    bob = Actor(actor.workspace_id, "Bob", actor.actions)
    rename = change({"op": "rename_node", "node": "step", "to": "greet"})
    send(bob, flow, rename, base=1, tab=OTHER)
    outcome = send(
        actor, flow, change({"op": "set", "node": "step", "path": ["label"], "value": "x"}), base=1
    )
    conflict = outcome.refused[0]["conflicts"][0]
    assert conflict["code"] == "node_gone"
    assert "Bob renamed 'step' to 'greet'." in conflict["message"]


def test_a_base_that_the_log_does_not_reach_is_too_old_and_nothing_is_applied(
    actor: Actor, flow: Flow
) -> None:
    label = change({"op": "set", "node": "step", "path": ["label"], "value": "x"})
    send(actor, flow, label)
    flow.changes.all().delete()
    for base in (1, 99):
        with pytest.raises(TooOld):
            send(actor, flow, change(*label.ops), base=base)
    assert flow.revision == 2
    assert send(actor, flow, change(*label.ops), base=2).revision == 3


def test_a_change_too_large_for_the_log_is_applied_and_others_start_anew(
    actor: Actor, flow: Flow
) -> None:
    large = {"op": "set", "node": "step", "path": ["config", "template"], "value": "x" * 1_100_000}
    outcome = send(actor, flow, change(large))
    assert outcome.applied[0]["ops"] == [large]
    with pytest.raises(TooOld):
        send(actor, flow, change({"op": "set", "node": "step", "path": ["label"]}), base=1)


def test_who_may_not_edit_changes_nothing(actor: Actor, flow: Flow) -> None:
    viewer = Actor(actor.workspace_id, "Vi", ROLE_ACTIONS["viewer"])
    with pytest.raises(PermissionRefused):
        send(viewer, flow, change({"op": "remove_node", "node": "step"}))
    assert draft_state(viewer, flow)["revision"] == 1
    elsewhere = Actor(uuid4(), "Eve", actor.actions)
    with pytest.raises(services.FlowGone):
        send(elsewhere, flow, change({"op": "remove_node", "node": "step"}))


@pytest.mark.django_db(transaction=True)
def test_of_two_who_change_at_once_nothing_is_lost(actor: Actor, flow: Flow) -> None:
    ready = threading.Barrier(2)
    failures: list[BaseException] = []

    def work(key: str, tab: UUID) -> None:
        try:
            ready.wait(10)
            for number in range(10):
                op = {"op": "set", "node": key, "path": ["label"], "value": f"{key} {number}"}
                change_draft(actor, flow, tab=tab, base=1, changes=[change(op)])
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=work, args=args) for args in (("step", TAB), ("result", OTHER))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert [row.revision for row in flow.changes.all()] == list(range(2, 22))
    labels = {row.ops[0]["value"] for row in flow.changes.all() if row.ops}
    assert labels == {f"{key} {number}" for key in ("step", "result") for number in range(10)}
    assert (node(flow, "step")["label"], node(flow, "result")["label"]) == ("step 9", "result 9")
