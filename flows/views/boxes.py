"""Keeps the cards of a picture apart, and draws containers as boxes around what they hold."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from flows.engine.graph import Graph
from flows.engine.layout import BOX_PADDING, CARD_WIDTH, inner_first

#: Pixels kept free between a card and the one below it.
GAP = 24


class Placed(Protocol):
    """What has a place in the picture."""

    @property
    def id(self) -> str: ...
    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...
    @property
    def width(self) -> float: ...
    @property
    def height(self) -> float: ...
    @property
    def is_frame(self) -> bool: ...


type Change[Card] = Callable[[Card, float, float, float, float], Card]


def arranged[Card: Placed](cards: Iterable[Card], graph: Graph, box: Change[Card]) -> list[Card]:
    """The cards, outer ones first, else in their order; none stands on another beside it.

    `box` makes a card the head of a box of this x, y, width and height. Cards of nodes that the
    graph does not know (notes) stand outside of all boxes. Frames keep their places, behind all.
    """
    by_id = {card.id: card for card in cards}
    for scope in inner_first(graph):
        names = [*graph.children.get(scope, ())]
        if scope is None:
            names += [name for name in by_id if name not in graph.nodes]
            names = [name for name in names if not by_id[name].is_frame]
        _keep_apart([by_id[name] for name in names], by_id, graph)
        if scope is not None:
            by_id[scope] = _around(by_id[scope], [by_id[name] for name in names], box)
    depth = {name: sum(1 for _ in graph.holders(name)) for name in graph.nodes}
    return sorted(by_id.values(), key=lambda card: (not card.is_frame, depth.get(card.id, 0)))


def _around[Card: Placed](head: Card, inside: list[Card], box: Change[Card]) -> Card:
    left = min([head.x, *(card.x - BOX_PADDING for card in inside)])
    top = min([head.y, *(card.y - BOX_PADDING - head.height for card in inside)])
    right = max([head.x + CARD_WIDTH, *(card.x + card.width + BOX_PADDING for card in inside)])
    bottom = max(card.y + card.height + BOX_PADDING for card in inside)
    return box(head, left, top, right - left, max(bottom - top, head.height))


def _keep_apart[Card: Placed](cards: list[Card], by_id: dict[str, Card], graph: Graph) -> None:
    """Move cards down where one would stand on another, boxes with all that is in them."""
    columns: dict[int, list[Card]] = {}
    for card in sorted(cards, key=lambda card: (card.y, card.x)):
        first = int(card.x // CARD_WIDTH) - 1
        last = int((card.x + card.width) // CARD_WIDTH) + 1
        near = {other.id: other for c in range(first, last + 1) for other in columns.get(c, ())}
        y = _free(card, near)
        if y != card.y:
            card = _moved(card, y - card.y, by_id, graph)
        for column in range(first + 1, last):
            columns.setdefault(column, []).append(card)


def _free(card: Placed, near: Mapping[str, Placed]) -> float:
    y = card.y
    for other in sorted(near.values(), key=lambda other: other.y):
        beside = other.x - card.x >= card.width or card.x - other.x >= other.width
        apart = other.y >= y + card.height + GAP or y >= other.y + other.height + GAP
        if not beside and not apart:
            y = other.y + other.height + GAP
    return y


def _moved[Card: Placed](card: Card, down: float, by_id: dict[str, Card], graph: Graph) -> Card:
    for name in (card.id, *graph.inside(card.id)):
        by_id[name] = replace(by_id[name], y=by_id[name].y + down)  # type: ignore[type-var]
    return by_id[card.id]
