"""Graphs know their order; layouts leave no card upon another."""

import itertools

from flows.engine.document import Document, EdgeSpec, NodeSpec
from flows.engine.graph import Graph
from flows.engine.layout import BOX_PADDING, CARD_HEIGHT, CARD_WIDTH, layout


def doc(names: str, edges: str, **more: object) -> Document:
    nodes = [NodeSpec.model_validate({"id": n, "type": "template"}) for n in names.split()]
    pairs = [edge.split(">") for edge in edges.split()]
    return Document.model_validate(
        {
            "name": "x",
            "nodes": nodes,
            "edges": [EdgeSpec(source=a, target=b) for a, b in pairs],
            **more,
        }
    )


def test_order_is_topological_and_stable() -> None:
    assert Graph(doc("d c b a", "a>b c>b b>d")).order == ("c", "a", "b", "d")


def test_ancestors_are_all_that_came_before_in_document_order() -> None:
    graph = Graph(doc("d c b a x", "a>b c>b b>d"))
    assert graph.ancestors("d") == ("c", "b", "a")
    assert graph.is_ancestor("a", "d")
    assert not graph.is_ancestor("d", "a")
    assert not graph.is_ancestor("x", "d")
    assert not graph.is_ancestor("nowhere", "d")


def test_a_loop_is_found_and_what_follows_it_is_not_in_the_order() -> None:
    graph = Graph(doc("s a b c end", "s>a a>b b>c c>a c>end"))
    assert graph.order == ("s",)
    assert graph.looped == ("a", "b", "c", "end")
    loop = graph.find_loop()
    assert sorted(loop) == ["a", "b", "c"]
    assert Graph(doc("a", "a>a")).find_loop() == ("a",)
    assert Graph(doc("a b", "a>b")).find_loop() == ()


def test_reachable_nodes_are_those_behind_a_start() -> None:
    assert Graph(doc("a b c d", "a>b b>c")).reachable("b") == {"b", "c"}


def test_a_layout_goes_from_left_to_right_without_overlaps() -> None:
    document = doc("a b c d e f lone", "a>b a>c a>d b>e c>e d>e e>f b>f")
    places = layout(document)
    assert set(places) == {node.id for node in document.nodes}
    for edge in document.edges:
        assert places[edge.source]["x"] + CARD_WIDTH < places[edge.target]["x"]
    for one, other in itertools.combinations(places.values(), 2):
        apart = abs(one["x"] - other["x"]) >= CARD_WIDTH
        assert apart or abs(one["y"] - other["y"]) >= CARD_HEIGHT
    assert places["b"] == {"x": 330.0, "y": 0.0}
    assert places["c"] == {"x": 330.0, "y": 136.0}


def test_what_is_in_a_container_stands_below_its_head_and_what_follows_beside_the_box() -> None:
    document = doc("a box b c end", "a>box b>c box>end")
    nodes = [
        node.model_copy(update={"parent": "box"}) if node.id in ("b", "c") else node
        for node in document.nodes
    ]
    places = layout(document.model_copy(update={"nodes": nodes}))
    assert places["b"]["x"] == places["box"]["x"] + BOX_PADDING
    assert places["b"]["y"] == places["box"]["y"] + CARD_HEIGHT + BOX_PADDING
    assert places["c"]["x"] > places["b"]["x"] + CARD_WIDTH
    assert places["end"]["x"] > places["c"]["x"] + CARD_WIDTH + BOX_PADDING


def test_given_places_stay_and_new_cards_keep_clear_of_them() -> None:
    given = {"b": {"x": 330.0, "y": 10.0}}
    places = layout(doc("a b c", "a>b a>c", layout=given))
    assert places["b"] == given["b"]
    assert abs(places["c"]["y"] - 10) >= CARD_HEIGHT


def test_notes_and_loops_get_a_place_too() -> None:
    document = doc("a b", "a>b b>a")
    note = NodeSpec(id="n", type="note")
    document = document.model_copy(update={"nodes": [*document.nodes, note]})
    assert set(layout(document)) == {"a", "b", "n"}
    assert layout(Document(name="empty")) == {}
