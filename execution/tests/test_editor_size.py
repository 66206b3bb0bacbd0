"""The editor's page of a large flow: what it takes of the database and of the line."""

import gzip
from dataclasses import replace

from django.template.loader import render_to_string
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.permissions import Actor
from benchmarks.editor_flows import flow_of
from flows.engine.document import NodeSpec, parse
from flows.engine.node_type import Port
from flows.engine.registry import registry
from flows.services import create_flow
from flows.views.card_html import cards_html
from flows.views.editor_cards import editor_cards
from flows.views.picture import Card, card_of


def test_point_04_a_thousand_nodes_take_no_more_queries_and_few_bytes(
    visitor: Client, actor: Actor, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    flow = create_flow(actor, document=flow_of(1_000))
    with django_assert_max_num_queries(12):
        content = visitor.get(f"/flows/{flow.id}/edit/").content
    assert content.count(b'data-node="n') == 998
    assert len(content) < 2_200_000
    assert len(gzip.compress(content, 6)) < 100_000


def _from_template(cards: list[Card]) -> str:
    return "".join(render_to_string("flows/editor/_card.html", {"card": card}) for card in cards)


def test_point_04_cards_in_bulk_are_what_the_template_draws_of_each() -> None:
    nodes = [NodeSpec(id=f"of_{kind.type}", type=kind.type) for kind in registry().all()]
    plain = [card_of(node, {"x": 10.5, "y": -20}, None, False, will_stream=True) for node in nodes]
    odd = replace(
        plain[0],
        title="<b>&\"'{{ x }}",
        summary="918273641.25",
        parent="box",
        x=-0.126,
        y=1e6,
        ports=(Port("a<b"), Port("c", "“d” & e")),
    )
    mark = "\ue000title\ue001"
    cards = [
        *plain,
        replace(odd, ports=(Port("\ue000boom\ue001"), Port("c"))),
        replace(odd, ports=(Port("c", mark), Port("918273641.25"))),
        replace(odd, ports=(Port("918273642.25", "918273642.25"),)),
        replace(odd, type=mark, title="T"),
        replace(odd, type="918273641.25", category="918273642.25"),
        replace(odd, title=mark, summary="918273642.25", id="\ue000boom\ue001"),
        odd,
        replace(odd, id="other", title="T", summary="", x=3, disabled=True),
        replace(plain[1], broken=True, note="# *Read* <i>me</i>"),
        card_of(NodeSpec(id="strange", type="no_such_type"), {}, None, True),
        *editor_cards(parse(flow_of(20))),
    ]
    assert cards_html(cards) == _from_template(cards)
