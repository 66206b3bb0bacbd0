"""Operations: applied, taken back, and made from the difference of two documents."""

import random
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.engine.difference import difference
from flows.engine.document import dump, parse
from flows.engine.operations import OperationInvalid, parse_operation, parse_operations
from flows.engine.patch import Draft, apply
from flows.engine.tests.random_flows import random_flow

JSON = Any
PLACE = {"x": 1, "y": 2}


def flow(seed: int) -> dict[str, JSON]:
    """A random document with places, labels and nested configs, as `dump` writes it."""
    chance = random.Random(seed)
    document = dump(random_flow(chance, depth=2))
    document["layout"] = {
        node["id"]: {"x": chance.randint(0, 999), "y": chance.randint(0, 999)}
        for node in document["nodes"]
        if chance.random() < 0.7
    }
    for node in document["nodes"]:
        if chance.random() < 0.6:
            node["config"] = {
                "deep": {"text": chance.choice("abc"), "list": [1, {"a": chance.random() < 0.5}]},
                **({"more": None} if chance.random() < 0.5 else {}),
            }
        if chance.random() < 0.3:
            node["retry"] = {"max_attempts": chance.randint(1, 5)}
    if chance.random() < 0.5:
        document["settings"] = {"timeout_seconds": chance.randint(1, 9)}
    return dump(parse(document))


def operations(draft: Draft, chance: random.Random, count: int = 12) -> list[dict[str, JSON]]:
    """Operations of all kinds, some of which cannot be applied."""
    ops: list[dict[str, JSON]] = []
    names = [*draft.nodes, "nobody", "fresh", "other"]
    edges = [*draft.edges, ("nobody", "fresh")]
    for _ in range(count):
        one, two = chance.choice(names), chance.choice(names)
        source, target = chance.choice(edges)
        ops.append(
            chance.choice(
                [
                    {"op": "add_node", "node": {"id": one, "type": "template"}, "at": 1},
                    {
                        "op": "add_node",
                        "node": {"id": one, "type": "map"},
                        "place": {"x": 1, "y": 2},
                    },
                    {"op": "remove_node", "node": one},
                    {"op": "set", "node": one, "path": ["config", "deep", "text"], "value": 7},
                    {"op": "set", "node": one, "path": ["config", "a", "b", "c"], "value": [1]},
                    {"op": "set", "node": one, "path": ["config", "deep"]},
                    {"op": "set", "node": one, "path": ["config", "a", "b"]},
                    {"op": "set", "node": one, "path": ["label"], "value": "New"},
                    {"op": "place", "node": one, "place": chance.choice([None, {"x": 3, "y": 4}])},
                    {"op": "add_edge", "edge": {"from": one, "to": two}},
                    {"op": "add_edge", "edge": {"from": f"{one}.yes", "to": two}, "at": 0},
                    {"op": "remove_edge", "edge": {"from": source, "to": target}},
                    {"op": "rename_node", "node": one, "to": two},
                    {"op": "pin", "node": one, "value": chance.choice([None, {"text": "x"}])},
                    {"op": "set_flow", "path": ["settings", "budget"], "value": "1.00"},
                    {"op": "set_flow", "path": ["description"]},
                ]
            )
        )
    return ops


@given(st.integers(0, 10**9))
@settings(max_examples=300, deadline=None)
def test_what_was_applied_is_taken_back_by_its_inverse(seed: int) -> None:
    document = flow(seed)
    chance = random.Random(seed)
    pins = {node["id"]: {"n": 1} for node in document["nodes"] if chance.random() < 0.3}
    draft = Draft.of(deepcopy(document), pins)
    ops = operations(draft, chance)
    patched = apply(draft, ops)
    assert len(patched.applied) + len(patched.conflicts) == len(ops)
    undone = apply(draft, patched.inverse)
    assert undone.conflicts == []
    assert draft.document() == document
    assert draft.pins == pins
    assert list(draft.edges) == list(Draft.of(document).edges)


@given(st.integers(0, 10**9))
@settings(max_examples=100, deadline=None)
def test_the_operations_as_applied_do_the_same_again(seed: int) -> None:
    draft, again = Draft.of(flow(seed)), Draft.of(flow(seed))
    patched = apply(draft, operations(draft, random.Random(seed)))
    assert apply(again, patched.applied).conflicts == []
    assert again == draft


@given(st.integers(0, 10**9), st.integers(0, 10**9))
@settings(max_examples=300, deadline=None)
def test_the_difference_of_two_documents_turns_one_into_the_other(one: int, two: int) -> None:
    old, new = flow(one), flow(two)
    ops = difference(old, new)
    draft = Draft.of(deepcopy(old))
    assert apply(draft, ops).conflicts == []
    assert draft.document() == Draft.of(new).document()
    assert parse_operations(ops) == ops if ops else old == new


def test_an_equal_document_differs_in_nothing() -> None:
    assert difference(flow(7), flow(7)) == []


def test_a_small_difference_is_told_by_the_paths_that_differ() -> None:
    old = {"name": "A", "nodes": [{"id": "a", "type": "llm", "config": {"x": {"y": 1, "z": 2}}}]}
    new = {"name": "A", "nodes": [{"id": "a", "type": "llm", "config": {"x": {"y": True}}}]}
    assert difference(old, new) == [
        {"op": "set", "node": "a", "path": ["config", "x", "y"], "value": True},
        {"op": "set", "node": "a", "path": ["config", "x", "z"]},
    ]


def test_a_node_put_in_at_the_front_moves_no_other() -> None:
    old = dump(parse({"name": "A", "nodes": [{"id": n, "type": "note"} for n in "abc"]}))
    new = dump(parse({"name": "A", "nodes": [{"id": n, "type": "note"} for n in "xabc"]}))
    added = {"op": "add_node", "node": {"id": "x", "type": "note"}, "place": None, "at": 0}
    assert difference(old, new) == [added]


def test_an_operation_that_cannot_be_applied_is_left_out_and_told() -> None:
    draft = Draft.of({"name": "A", "nodes": [{"id": "a", "type": "note", "label": "x"}]})
    ops: list[JSON] = [
        {"op": "set", "node": "b", "path": ["label"], "value": "y"},
        {"op": "add_node", "node": {"id": "a", "type": "note"}},
        {"op": "remove_edge", "edge": {"from": "a", "to": "b"}},
        {"op": "set", "node": "a", "path": ["label", "deep"], "value": 1},
        {"op": "set", "node": "a", "path": ["label"], "value": "z"},
    ]
    patched = apply(draft, ops)
    codes = [(conflict["op"], conflict["code"]) for conflict in patched.conflicts]
    assert codes == [(0, "node_gone"), (1, "id_taken"), (2, "edge_gone"), (3, "invalid")]
    assert draft.nodes["a"]["label"] == "z"
    assert patched.inverse == [{"op": "set", "node": "a", "path": ["label"], "value": "x"}]


def test_a_node_with_wires_or_steps_inside_is_not_removed() -> None:
    nodes = [{"id": "m", "type": "map"}, {"id": "a", "type": "llm", "parent": "m"}]
    edges = [{"from": "m", "to": "b"}]
    draft = Draft.of({"name": "A", "nodes": [*nodes, {"id": "b", "type": "llm"}], "edges": edges})
    refused = apply(draft, [{"op": "remove_node", "node": "b"}]).conflicts
    assert "Remove its edges first" in refused[0]["message"]
    removed: list[JSON] = [
        {"op": "remove_edge", "edge": edges[0]},
        {"op": "remove_node", "node": "m"},
    ]
    assert "steps inside 'm'" in apply(draft, removed).conflicts[0]["message"]


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ([], "op.op"),
        ({"op": "explode"}, "op.op"),
        ({"op": ["set"]}, "op.op"),
        ({"op": "remove_node"}, "op.node"),
        ({"op": "remove_node", "node": "A b"}, "op.node"),
        ({"op": "remove_node", "node": "a", "why": 1}, "op.why"),
        ({"op": "set", "node": "a", "path": "label", "value": 1}, "op.path"),
        ({"op": "set", "node": "a", "path": [], "value": 1}, "op.path"),
        ({"op": "set", "node": "a", "path": ["id"], "value": "b"}, "op.path"),
        ({"op": "set", "node": "a", "path": ["label", "x"], "value": "b"}, "op.path"),
        ({"op": "set", "node": "a", "path": ["config", 0], "value": "b"}, "op.path"),
        ({"op": "set", "node": "a", "path": ["config", "x"], "value": "\0"}, "op.value"),
        ({"op": "set", "node": "a", "path": ["config"], "value": 10**90}, "op.value"),
        ({"op": "set_flow", "path": ["nodes"], "value": []}, "op.path"),
        ({"op": "place", "node": "a", "place": {"x": 1}}, "op.place"),
        ({"op": "place", "node": "a", "place": {"x": 1, "y": float("nan")}}, "op.place"),
        ({"op": "place", "node": "a", "place": {"x": True, "y": 2}}, "op.place"),
        ({"op": "add_edge", "edge": {"from": "a", "to": "b.c"}}, "op.edge"),
        ({"op": "add_edge", "edge": {"from": "a", "to": "b", "port": "x"}}, "op.edge"),
        ({"op": "add_node", "node": {"id": "a"}}, "op.node.type"),
        ({"op": "add_node", "node": {"id": "a", "type": "llm"}, "at": -1}, "op.at"),
        ({"op": "pin", "node": "a", "value": "text"}, "op.value"),
    ],
)
def test_an_operation_of_another_shape_is_refused_with_its_place(raw: JSON, path: str) -> None:
    with pytest.raises(OperationInvalid) as caught:
        parse_operation(raw)
    assert caught.value.path == path
    assert caught.value.message.endswith(".")


def test_operations_are_tidied_as_they_are_read() -> None:
    assert parse_operation({"op": "add_edge", "edge": {"from": "a.out", "to": "b"}}) == {
        "op": "add_edge",
        "edge": {"from": "a", "to": "b"},
    }
    placed = parse_operation({"op": "place", "node": "a", "place": {"y": 2.5, "x": 1.0}})
    assert repr(placed["place"]) == "{'x': 1, 'y': 2.5}"
    pinned = parse_operation({"op": "pin", "node": "a", "value": {"x": {"$blob": "abc"}}})
    assert pinned["value"] == {"x": {"_$blob": "abc"}}
    with pytest.raises(OperationInvalid, match="at least one"):
        parse_operations([])
