"""What a draft may become by changes: limits, wires that cannot be, and values nobody can keep."""

from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.permissions import Actor
from flows import change_log, change_rules, changes, services
from flows import measured as measured_sizes
from flows.draft import read_draft
from flows.draft_rows import size_of_draft
from flows.engine.document import dump, dump_json
from flows.engine.sizes import size_in_document
from flows.models import Flow
from flows.tests.fixtures import GREETING
from flows.tests.test_draft_changes import change, document, node, refusal, send

JSON = Any


@pytest.fixture
def flow(actor: Actor) -> Flow:
    nodes = [
        *GREETING["nodes"],
        {"id": "ask", "type": "if", "config": {"condition": "{{ start.name }}"}},
        {"id": "each", "type": "map", "config": {"items": "{{ start.name }}"}},
        {"id": "outer", "type": "loop", "config": {}},
        {"id": "inner", "type": "template", "parent": "each", "config": {"template": "x"}},
        {"id": "memo", "type": "note"},
        {"id": "halt", "type": "stop"},
    ]
    edges = [{"from": "start", "to": "ask"}, {"from": "ask.true", "to": "result"}]
    return services.create_flow(actor, document={**GREETING, "nodes": nodes, "edges": edges})


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("ask", "each", "Connect one of these: true, false"),
        ("ask.maybe", "each", "no port 'maybe'"),
        ("start.error", "each", "Set its on_error to 'branch'"),
        ("start", "inner", "wall of 'each'"),
        ("inner", "result", "wall of 'each'"),
        ("start", "memo", "never runs"),
        ("memo", "start", "never runs"),
        ("each", "start", "where a run starts"),
        ("each", "each", "cannot follow itself"),
        ("halt", "ask", "it is an end"),
    ],
)
def test_a_wire_that_cannot_be_is_refused_with_the_reason(
    actor: Actor, flow: Flow, source: str, target: str, said: str
) -> None:
    outcome = send(actor, flow, change({"op": "add_edge", "edge": {"from": source, "to": target}}))
    conflict = refusal(outcome)
    assert conflict["code"] == "not_connectable"
    assert said in conflict["message"]


def test_a_circle_is_refused_with_a_word_on_loops(actor: Actor, flow: Flow) -> None:
    ops = [
        {"op": "add_node", "node": {"id": "a", "type": "template"}},
        {"op": "add_node", "node": {"id": "b", "type": "template"}},
        {"op": "add_edge", "edge": {"from": "a", "to": "b"}},
        {"op": "add_edge", "edge": {"from": "b", "to": "a"}},
    ]
    (conflict,) = send(actor, flow, change(*ops)).applied[0]["conflicts"]
    assert (conflict["op"], conflict["code"]) == (3, "not_connectable")
    assert conflict["message"].startswith("That would be a circle. Use a loop node")


def test_a_port_that_the_same_change_makes_can_be_connected(actor: Actor, flow: Flow) -> None:
    ops = [
        {"op": "set", "node": "ask", "path": ["on_error"], "value": "branch"},
        {"op": "add_edge", "edge": {"from": "ask.error", "to": "each"}},
    ]
    assert send(actor, flow, change(*ops)).applied[0]["conflicts"] == []


@pytest.mark.parametrize(
    ("name", "parent", "said"),
    [
        ("start", "nobody", "no node 'nobody'"),
        ("start", "ask", "cannot hold"),
        ("each", "each", "inside itself"),
    ],
)
def test_a_parent_that_cannot_be_is_refused(
    actor: Actor, flow: Flow, name: str, parent: str, said: str
) -> None:
    op = {"op": "set", "node": name, "path": ["parent"], "value": parent}
    assert said in refusal(send(actor, flow, change(op)))["message"]


def test_containers_are_not_put_into_what_they_hold(actor: Actor, flow: Flow) -> None:
    into = {"op": "set", "node": "outer", "path": ["parent"], "value": "each"}
    assert send(actor, flow, change(into)).refused == []
    back = {"op": "set", "node": "each", "path": ["parent"], "value": "outer"}
    assert "inside itself" in refusal(send(actor, flow, change(back)))["message"]
    removed = send(actor, flow, change({"op": "remove_node", "node": "each"}))
    assert "steps inside 'each'" in refusal(removed)["message"]


@pytest.mark.parametrize(
    "op",
    [
        {"op": "set", "node": "ask", "path": ["config"], "value": "text"},
        {"op": "set", "node": "ask", "path": ["config", "condition", "x"], "value": 1},
        {"op": "set", "node": "ask", "path": ["label"], "value": "x" * 201},
        {"op": "set", "node": "ask", "path": ["label"], "value": ["x"]},
        {"op": "set", "node": "ask", "path": ["retry"], "value": {"max_attempts": 99}},
        {"op": "set", "node": "ask", "path": ["type"]},
        {"op": "set", "node": "ask", "path": ["timeout_seconds"], "value": -1},
        {"op": "add_node", "node": {"id": "new", "type": "llm", "colour": "red"}},
        {"op": "place", "node": "ask", "place": {"x": 1e9, "y": 0}},
        {"op": "set_flow", "path": ["name"], "value": ""},
        {"op": "set_flow", "path": ["name"]},
        {"op": "set_flow", "path": ["settings", "budget"], "value": "lots"},
        {"op": "pin", "node": "ask", "value": {"text": "x" * 1_000_000}},
    ],
)
def test_what_no_document_can_hold_is_refused(actor: Actor, flow: Flow, op: JSON) -> None:
    before = document(flow)
    conflict = refusal(send(actor, flow, change(op)))
    assert conflict["code"] == "invalid"
    assert conflict["message"].endswith(".")
    assert document(flow) == before


def test_a_config_may_not_be_nested_beyond_what_documents_hold(actor: Actor, flow: Flow) -> None:
    deep: JSON = "x"
    for _ in range(60):
        deep = {"a": deep}
    first = {"op": "set", "node": "ask", "path": ["config", "x"], "value": deep}
    assert send(actor, flow, change(first)).refused == []
    path = ["config", "x", *["a"] * 40]
    further = {"op": "set", "node": "ask", "path": path, "value": deep}
    assert "nested" in refusal(send(actor, flow, change(further)))["message"]
    assert read_draft(flow).nodes


def test_numbers_of_nodes_and_edges_are_limited(
    actor: Actor, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_rules, "MAX_NODES", 9)
    monkeypatch.setattr(change_rules, "MAX_EDGES", 2)
    first, second = (
        {"op": "add_node", "node": {"id": name, "type": "llm"}} for name in ("one", "two")
    )
    refused = send(actor, flow, change(first, second)).refused[0]["conflicts"][0]
    assert (refused["op"], refused["code"]) == (1, "limit")
    assert flow.nodes.count() == 8
    edge = {"op": "add_edge", "edge": {"from": "start", "to": "each"}}
    assert refusal(send(actor, flow, change(first, edge)))["code"] == "limit"


def test_the_size_of_a_draft_is_limited_and_shrinking_is_not(
    actor: Actor, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MAX_BYTES", 60_000)
    path = ["config", "condition"]
    fits = {"op": "set", "node": "ask", "path": path, "value": "x" * 7_000}
    assert send(actor, flow, change(fits)).refused == []
    more = {"op": "set", "node": "ask", "path": path, "value": "x" * 12_000}
    conflict = refusal(send(actor, flow, change(more)))
    assert (conflict["code"], conflict["op"]) == ("limit", 0)
    monkeypatch.setattr(changes, "MAX_BYTES", 55_000)
    less = {"op": "set", "node": "ask", "path": path, "value": "x" * 6_000}
    assert send(actor, flow, change(less)).refused == []
    assert len(node(flow, "ask")["config"]["condition"]) == 6_000


def test_the_size_is_kept_as_if_it_were_measured_anew(actor: Actor, flow: Flow) -> None:
    ops = [
        {"op": "add_node", "node": {"id": "new", "type": "llm", "config": {"prompt": "äöü"}}},
        {"op": "add_edge", "edge": {"from": "start", "to": "new"}},
        {"op": "remove_node", "node": "memo"},
        {"op": "rename_node", "node": "start", "to": "beginning"},
        {"op": "place", "node": "new", "place": {"x": 1, "y": 2}},
    ]
    for op in ops:
        send(actor, flow, change(op))
        flow.refresh_from_db()
        assert flow.draft_bytes == size_of_draft(flow)
    assert flow.draft_bytes is not None
    written = len(dump_json(read_draft(flow)).encode())
    assert written - 300 < flow.draft_bytes < written + 110 * 8


def test_all_pins_of_a_flow_are_limited(
    actor: Actor, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_rules, "MAX_PINS_BYTES", 100)
    first, second = (
        {"op": "pin", "node": name, "value": {"text": "x" * 60}} for name in ("ask", "start")
    )
    assert send(actor, flow, change(first)).refused == []
    assert "Unpin some" in refusal(send(actor, flow, change(second)))["message"]
    send(actor, flow, change({"op": "pin", "node": "ask", "value": None}))
    assert send(actor, flow, change(second)).refused == []


def pin(node: str, value: JSON) -> JSON:
    return {"op": "pin", "node": node, "value": value}


def test_pins_of_one_call_count_together(
    actor: Actor, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_rules, "MAX_PINS_BYTES", 200)
    one, small = {"text": "x" * 110}, {"text": "x"}
    assert send(actor, flow, change(pin("memo", small))).refused == []
    changes_of_call = [change(pin("ask", one)), change(pin("start", one))]
    outcome = send(actor, flow, *changes_of_call)
    assert len(outcome.applied) == 1
    assert "Unpin some" in outcome.refused[0]["conflicts"][0]["message"]
    ops = [pin("ask", None), pin("start", one), pin("each", one)]
    (applied,) = send(actor, flow, change(*ops)).applied
    assert [conflict["op"] for conflict in applied["conflicts"]] == [2]
    assert set(changes.draft_state(actor, flow)["pins"]) == {"memo", "start"}


def test_pins_that_go_with_their_node_or_with_a_refused_change_make_room(
    actor: Actor, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_rules, "MAX_PINS_BYTES", 200)
    one = {"text": "x" * 110}
    taken = {"op": "add_node", "node": {"id": "start", "type": "llm"}}
    outcome = send(
        actor,
        flow,
        change(pin("ask", one), taken),
        change(pin("memo", one)),
        change({"op": "rename_node", "node": "memo", "to": "words"}),
        change({"op": "remove_node", "node": "words"}),
        change(pin("start", one)),
        change(pin("ask", one)),
    )
    assert [len(refused["conflicts"]) for refused in outcome.refused] == [1, 1]
    assert len(outcome.applied) == 4
    assert set(changes.draft_state(actor, flow)["pins"]) == {"start"}


def test_old_changes_go_and_new_ones_stay(
    actor: Actor, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_log, "KEPT", 5)
    monkeypatch.setattr(change_log, "_TIDY_EVERY", 10)
    label = {"op": "set", "node": "ask", "path": ["label"], "value": "x"}
    for _ in range(9):
        send(actor, flow, change(label))
    assert flow.changes.count() == 9
    monkeypatch.setattr(change_log, "KEPT_FOR", change_log.KEPT_FOR * 0)
    for _ in range(10):
        send(actor, flow, change(label))
    assert [row.revision for row in flow.changes.all()] == list(range(16, 21))
    monkeypatch.setattr(change_log, "KEPT_BYTES", 1_000)
    for _ in range(10):
        send(actor, flow, change(label))
    assert 1 <= flow.changes.count() < 5


def large(count: int) -> JSON:
    """A chain of so many templates between input and output, all in their places."""
    middle = [
        {"id": f"s{i}", "type": "template", "config": {"template": "{{ start.name }} " * 10}}
        for i in range(count)
    ]
    nodes = [GREETING["nodes"][0], *middle, GREETING["nodes"][1]]
    edges = [{"from": a["id"], "to": b["id"]} for a, b in pairwise(nodes)]
    places = {entry["id"]: {"x": 300 * i, "y": 0} for i, entry in enumerate(nodes)}
    return {**GREETING, "nodes": nodes, "edges": edges, "layout": places}


def queries(actor: Actor, flow: Flow, *ops: JSON) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        changes.change_draft(actor, flow, tab=uuid4(), base=flow.revision, changes=[change(*ops)])
    flow.refresh_from_db()
    return [query["sql"] for query in captured]


def test_a_drag_asks_the_database_as_much_in_a_large_flow_as_in_a_small_one(actor: Actor) -> None:
    counts = []
    for size in (5, 1_000):
        flow = services.create_flow(actor, document=large(size))
        moves = [
            {"op": "place", "node": f"s{i}", "place": {"x": i, "y": 5}}
            for i in range(min(size, 100))
        ]
        one, many = queries(actor, flow, moves[0]), queries(actor, flow, *moves)
        counts += [len(one), len(many)]
        assert not any("flows_edge" in sql for sql in [*one, *many])
        assert dump(read_draft(flow))["layout"]["s3"] == {"x": 3, "y": 5}
    assert len(set(counts)) == 1
    assert counts[0] <= 12


def test_a_call_with_many_pins_asks_the_database_as_much_as_one_with_few(actor: Actor) -> None:
    flow = services.create_flow(actor, document=large(200))
    counts = {
        len(queries(actor, flow, *(pin(f"s{i}", {"text": str(count)}) for i in range(count))))
        for count in (1, 10, 200)
    }
    assert len(counts) == 1
    unpins = [pin(f"s{i}", None) for i in range(200)]
    assert not any("OCTET_LENGTH" in sql for sql in queries(actor, flow, *unpins))


def test_each_state_of_a_node_is_measured_once_in_a_call(
    actor: Actor, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    longer = {"op": "set", "node": "memo", "path": ["label"], "value": "Memo"}
    send(actor, flow, change(longer))  # from here on the size of the whole draft is known
    measured: list[str] = []

    def measure(part: JSON) -> int:
        measured.append(part.get("id", "edge"))
        return size_in_document(part)

    monkeypatch.setattr(measured_sizes, "size_in_document", measure)
    label = [
        {"op": "set", "node": name, "path": ["label"], "value": "x"} for name in ("ask", "each")
    ]
    moves = [change({"op": "place", "node": "ask", "place": {"x": i, "y": 0}}) for i in range(20)]
    send(actor, flow, change(*label), *moves)
    assert sorted(measured) == ["ask", "ask", "each", "each"]
    assert flow.nodes.get(key="ask").x == 19
