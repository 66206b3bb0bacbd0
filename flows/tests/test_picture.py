"""The picture of a flow: places, wires and what a run makes of them."""

import itertools
from typing import Any

import pytest

from flows.engine.document import Document, EdgeSpec, parse
from flows.views.picture import CARD_WIDTH, Card, NodeState, RunView, flow_of, picture
from flows.views.summary import summary


def _document(**more: Any) -> Document:
    return parse(
        {
            "schema": "fluxprompt.flow/v1",
            "name": "Fork",
            "nodes": [
                {"id": "start", "type": "input", "label": "Start"},
                {"id": "ask", "type": "llm", "config": {"prompt": "Say hi"}, "on_error": "branch"},
                {"id": "fork", "type": "if", "config": {"condition": "{{ true }}"}},
                {"id": "end", "type": "output", "config": {"value": 1}},
            ],
            "edges": [
                {"from": "start", "to": "ask"},
                {"from": "ask", "to": "fork"},
                {"from": "fork.true", "to": "end"},
            ],
            **more,
        }
    )


def test_a_card_shows_title_type_and_the_telling_line_of_its_config() -> None:
    drawn = picture(_document())
    ask = next(card for card in drawn.cards if card.id == "ask")
    assert (ask.title, ask.type_title, ask.category) == ("Language model", "ask", "ai")
    assert ask.summary == "Say hi"
    assert [port.name for port in ask.ports] == ["out", "error"]
    start = drawn.cards[0]
    assert (start.title, start.type_title, start.takes_input) == ("Start", "Input", False)


def test_cards_never_stand_on_one_another_whatever_the_layout_says() -> None:
    heap = {name: {"x": 10, "y": 10} for name in ("start", "ask", "fork", "end")}
    cards = picture(_document(layout=heap), run=RunView()).cards
    for card in cards:
        for other in cards:
            apart = card.y + card.height <= other.y or other.y + other.height <= card.y
            assert card is other or apart


def _nested(**more: Any) -> Document:
    """A map that holds a step and a loop, which holds one more."""
    nodes = [
        {"id": "start", "type": "input"},
        {"id": "rows", "type": "map", "config": {"items": [1]}},
        {"id": "ask", "type": "llm", "parent": "rows", "config": {"prompt": "Say hi"}},
        {"id": "again", "type": "loop", "parent": "rows"},
        {"id": "deep", "type": "template", "parent": "again", "config": {"template": "x"}},
        {"id": "end", "type": "output", "config": {"value": 1}},
    ]
    edges = [{"from": "start", "to": "rows"}, {"from": "ask", "to": "again"}]
    edges.append({"from": "rows", "to": "end"})
    return _document(nodes=nodes, edges=edges, **more)


def _holds(box: Card, card: Card) -> bool:
    beside = box.x < card.x and card.x + card.width < box.x + box.width
    return beside and box.y < card.y and card.y + card.height < box.y + box.height


@pytest.mark.parametrize(
    "places",
    [
        {},
        {name: {"x": 10, "y": 10} for name in ("start", "rows", "ask", "again", "deep", "end")},
        {"rows": {"x": 900, "y": 700}, "deep": {"x": -500, "y": -90}},
        {"ask": {"x": 100, "y": 100}},
    ],
)
def test_a_container_is_a_box_around_what_it_holds_wherever_that_stands(places: Any) -> None:
    drawn = picture(_nested(layout=places), run=RunView())
    cards = {card.id: card for card in drawn.cards}
    assert [card.id for card in drawn.cards if card.is_box] == ["rows", "again"]
    assert _holds(cards["rows"], cards["ask"])
    assert _holds(cards["rows"], cards["again"])
    assert _holds(cards["again"], cards["deep"])
    for one, other in itertools.combinations((cards[name] for name in ("start", "rows", "end")), 2):
        beside = one.x + one.width <= other.x or other.x + other.width <= one.x
        assert beside or one.y + one.height <= other.y or other.y + other.height <= one.y
    wire = next(wire for wire in drawn.wires if wire.source == "rows")
    assert wire.path.startswith(f"M{cards['rows'].x + cards['rows'].width - 1:g} ")
    right = max(card.x + card.width for card in drawn.cards)
    assert drawn.left + drawn.width == right


def test_a_container_without_contents_is_a_card() -> None:
    nodes = [{"id": "rows", "type": "map", "config": {"items": [1]}}]
    card = picture(_document(nodes=nodes, edges=[])).cards[0]
    assert (card.is_box, card.width) == (False, CARD_WIDTH)


def test_a_wire_leaves_a_named_port_at_its_row_and_arrives_at_the_left_edge() -> None:
    drawn = picture(_document())
    cards = {card.id: card for card in drawn.cards}
    wire = next(wire for wire in drawn.wires if wire.source == "fork")
    fork, end = cards["fork"], cards["end"]
    x, y = fork.port_at("true")
    assert wire.path.startswith(f"M{x:g} {y:g}C")
    assert x == fork.x + CARD_WIDTH - 1
    assert fork.y < y < fork.y + fork.height
    assert wire.path.split()[-2:] == [f"{end.x + 1:g}", f"{end.y + 26:g}"]
    assert fork.port_at("false")[1] > y


def test_a_node_of_an_unknown_type_is_drawn_as_broken() -> None:
    document = parse(
        {"schema": "fluxprompt.flow/v1", "name": "X", "nodes": [{"id": "a", "type": "nosuch"}]}
    )
    card = picture(document).cards[0]
    assert card.broken
    assert card.title == "Unknown type: nosuch"


def test_an_empty_flow_is_an_empty_picture() -> None:
    drawn = picture(parse({"schema": "fluxprompt.flow/v1", "name": "Empty", "nodes": []}))
    assert not drawn.cards
    assert drawn.box_width > 0


def test_wires_tell_which_way_a_run_went() -> None:
    edge = EdgeSpec(source="fork", port="true", target="end")
    done = NodeState("succeeded", ports=("true",))

    def flow(source: NodeState | None, target: str = "pending") -> str:
        states = {"end": NodeState(target)}
        return flow_of(edge, states if source is None else {**states, "fork": source})

    assert flow(None) == ""
    assert flow(NodeState("running")) == ""
    assert flow(done) == "live"
    assert flow(done, "running") == "active"
    assert flow(NodeState("succeeded", ports=("false",))) == "dead"
    assert flow(NodeState("skipped")) == "dead"
    assert flow(NodeState("failed")) == "broken"
    assert flow(NodeState("failed", ports=("true",))) == "live"


def test_the_wire_by_which_a_run_goes_on_after_a_failure_is_drawn_as_taken() -> None:
    edges = [("ask", "out", "fork"), ("ask", "error", "end")]
    wires = [{"from": f"{source}.{port}", "to": target} for source, port, target in edges]

    def flows(on_error: str, end: str) -> list[str]:
        nodes = [{"id": "ask", "type": "llm", "config": {"prompt": "Hi"}, "on_error": on_error}]
        nodes += [{"id": name, "type": "template", "config": {}} for name in ("fork", "end")]
        states = {"ask": NodeState("failed"), "end": NodeState(end), "fork": NodeState("skipped")}
        drawn = picture(_document(nodes=nodes, edges=wires), run=RunView(states))
        return [wire.flow for wire in drawn.wires]

    assert flows("branch", "running") == ["dead", "active"]
    assert flows("branch", "succeeded") == ["dead", "live"]
    assert flows("continue", "pending") == ["live", "broken"]
    assert flows("stop", "unreached") == ["dead", "broken"]


def test_the_summary_says_what_any_config_is_about() -> None:
    assert summary({"method": "GET", "url": "https://example.com"}) == "GET https://example.com"
    assert summary({"model": "a/b", "prompt": "Two\n  lines"}) == "Two lines"
    assert summary({"fields": [{"name": "subject"}, {"name": "body"}]}) == "subject, body"
    assert summary({"fields": {"total": 1, "rest": 2}}) == "total, rest"
    assert summary({"cases": [{"name": "bug"}, "odd"]}) == "bug"
    assert summary({"value": {"page": True}}) == "page"
    assert summary({}) == ""
    assert len(summary({"text": "x" * 10_000})) == 160


def test_wires_behind_a_disabled_node_are_live_where_the_run_went_on() -> None:
    edge = EdgeSpec(source="off", target="next")
    for target, expected in (("running", "active"), ("succeeded", "live")):
        states = {"off": NodeState("skipped", ("out",)), "next": NodeState(target)}
        assert flow_of(edge, states) == expected
    assert flow_of(edge, {"off": NodeState("skipped", ())}) == "dead"
