"""Notes, frames and disabled nodes: in documents, in rows and in the picture."""

from typing import Any, get_args

import pytest
from django.template.loader import render_to_string

from accounts.permissions import Actor
from flows import queries, services
from flows.engine.document import digest, dump, parse
from flows.engine.errors import DocumentInvalid
from flows.engine.layout import CARD_WIDTH
from flows.engine.node_type import Category
from flows.engine.registry import registry
from flows.engine.validate import validate
from flows.models import Node
from flows.nodes.note.node import COLORS
from flows.views.picture import Picture, RunView, picture

JSON = Any


def flow(*nodes: JSON, **more: JSON) -> dict[str, JSON]:
    """`start` and `end`, between them a step, and these nodes."""
    step = {"id": "step", "type": "template", "config": {"template": "x"}}
    ends = [{"id": "start", "type": "input"}, {"id": "end", "type": "output"}]
    edges = [{"from": "start", "to": "step"}, {"from": "step", "to": "end"}]
    content = {"schema": "fluxprompt.flow/v1", "name": "Notes", "edges": edges}
    given = {node["id"]: node for node in (step, *ends, *nodes)}
    return {**content, "nodes": list(given.values()), **more}


def note(**config: JSON) -> JSON:
    return {"id": "remark", "type": "note", "config": config}


def drawn(*nodes: JSON, **more: JSON) -> Picture:
    return picture(parse(flow(*nodes, **more)))


def test_sizes_disabled_nodes_and_their_absence_survive_the_way_through_the_rows(
    actor: Actor,
) -> None:
    places = {
        "remark": {"x": 1, "y": 2.5, "width": 300, "height": 60.5},
        "step": {"x": 0, "y": 0, "height": 90},
    }
    off = {"id": "step", "type": "template", "config": {"template": "x"}, "disabled": True}
    content = flow(note(text="a"), off, layout=places)
    made = services.create_flow(actor, document=content)
    assert dump(queries.draft_document(made)) == dump(parse(content))
    assert dump(parse(content))["layout"] == places
    row = Node.objects.get(flow=made, key="remark")
    assert (row.width, row.height, row.disabled) == (300, 60.5, False)
    assert Node.objects.get(flow=made, key="step").disabled
    plain = flow(note(text="a"), layout={"remark": {"x": 1, "y": 2.5}})
    changed = services.replace_draft(actor, made, plain)
    assert dump(queries.draft_document(changed)) == dump(parse(plain))
    assert changed.revision == 2
    row.refresh_from_db()
    assert (row.width, row.height) == (None, None)


def test_disabling_a_node_is_a_change_that_a_diff_shows(actor: Actor) -> None:
    made = services.create_flow(actor, document=flow())
    services.publish_flow(actor, made)
    off = {"id": "step", "type": "template", "config": {"template": "x"}, "disabled": True}
    services.replace_draft(actor, made, flow(off))
    (changed,) = queries.version_diff(made, 1, "draft").changed
    assert changed.paths == ["disabled"]


@pytest.mark.parametrize("size", [{"width": 59}, {"height": 4_001}, {"depth": 100}])
def test_a_size_out_of_range_is_refused(size: JSON) -> None:
    with pytest.raises(DocumentInvalid, match="width and height from 60 to 4,000"):
        parse(flow(note(), layout={"remark": {"x": 0, "y": 0, **size}}))


def test_sizes_are_no_part_of_a_flows_meaning() -> None:
    sized = flow(layout={"step": {"x": 0, "y": 0, "width": 100}})
    assert digest(parse(sized)) == digest(parse(flow()))


def test_a_note_is_drawn_in_its_size_and_in_a_color_of_the_theme() -> None:
    place = {"remark": {"x": 700, "y": 0, "width": 320, "height": 200}}
    for color, category in COLORS.items():
        (card,) = (c for c in drawn(note(color=color), layout=place).cards if c.id == "remark")
        assert (card.width, card.height, card.category) == (320, 200, category)
    (card,) = (c for c in drawn(note(color="loud")).cards if c.id == "remark")
    assert (card.width, card.category) == (CARD_WIDTH, "data")
    assert set(COLORS.values()) == set(get_args(Category))
    found = validate(parse(flow(note(color="loud"))), registry())
    assert [(p.node, p.path) for p in found] == [("remark", "color")]


def test_a_frame_stands_behind_all_cards_and_moves_none_of_them() -> None:
    places = {
        "start": {"x": 20, "y": 60},
        "step": {"x": 350, "y": 60},
        "end": {"x": 680, "y": 60},
        "remark": {"x": 0, "y": 0, "width": 900, "height": 300},
    }
    framed = drawn({**note(frame=True), "label": "Part one"}, layout=places).cards
    assert framed[0].id == "remark"
    assert {card.id: (card.x, card.y) for card in framed} == {
        node: (at["x"], at["y"]) for node, at in places.items()
    }
    assert (framed[0].is_frame, framed[0].title, framed[0].width) == (True, "Part one", 900)
    html = render_to_string("flows/_card.html", {"card": framed[0]})
    assert "data-frame" in html
    # A note that is no frame makes room, as any card does.
    cards = drawn(note(), layout=places).cards
    assert {card.id: card.y for card in cards}["start"] != 60


def test_markdown_of_a_note_is_rendered_and_what_is_dangerous_in_it_is_not() -> None:
    text = "**Bold** <script>alert(1)</script> [x](javascript:alert(1))"
    (card,) = (c for c in drawn(note(text=text)).cards if c.id == "remark")
    html = render_to_string("flows/_card.html", {"card": card})
    assert "<strong>Bold</strong>" in html
    assert "<script" not in html
    assert 'href="javascript' not in html


def test_disabled_cards_say_so_with_all_that_is_in_them_and_their_way_on_is_marked() -> None:
    rows = {"id": "rows", "type": "map", "config": {"items": [1]}, "disabled": True}
    inner = {"id": "inner", "type": "template", "parent": "rows", "config": {"template": "x"}}
    edges = [{"from": "start", "to": "rows"}, {"from": "rows", "to": "end"}]
    found = picture(parse(flow(rows, inner, edges=edges)), run=RunView())
    assert {card.id for card in found.cards if card.disabled} == {"rows", "inner"}
    assert [wire.passes for wire in found.wires] == [False, True]
    shown = drawn({**rows, "type": "template", "config": {"template": "x"}}).cards
    html = "".join(render_to_string("flows/_card.html", {"card": card}) for card in shown)
    assert html.count("data-disabled") == html.count("Disabled · ") == 1
