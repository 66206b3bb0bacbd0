"""The cards of a flow as HTML, a thousand at a time.

A template takes most of a millisecond for a card. Cards of one shape differ only in words, ids and
places, so each shape is drawn once from the template, with marks where those go.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.template.defaultfilters import floatformat
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from flows.views.picture import Card

_TEMPLATE = "flows/editor/_card.html"
#: What differs between cards of one shape.
_WORDS = ("id", "title", "type_title", "summary", "parent")
_NUMBERS = ("x", "y")
#: Shapes that are kept: types, ports, and whether a card is disabled, broken, inside of another.
_SHAPES = 512
#: Private characters: no escaping changes them, and the template has none.
_MARKS = {name: f"\ue000{name}\ue001" for name in _WORDS}
#: A number has no room for a mark; beside marks this one stands for nothing else.
_NUMBER_MARKS = {"x": 918_273_641.25, "y": 918_273_642.25}
_OF_NUMBER = {str(mark): name for name, mark in _NUMBER_MARKS.items()}
_NUMBER_SLOT = "|".join(map(re.escape, _OF_NUMBER))
_SLOT = re.compile(f"\ue000({'|'.join(_WORDS)})\ue001|{_NUMBER_SLOT}")
#: What the words that make a shape may not hold.
_LIKE_A_SLOT = re.compile(f"[\ue000\ue001]|{_NUMBER_SLOT}")


def cards_html(cards: Iterable[Card]) -> SafeString:
    """Every card as `flows/editor/_card.html` draws it, one after the other."""
    return mark_safe("".join(_card_html(card) for card in cards))  # parts are escaped


def _card_html(card: Card) -> str:
    # The text of a note is Markdown: more than words in a place.
    if card.note or _LIKE_A_SLOT.search(_shape_words(card)):
        return render_to_string(_TEMPLATE, {"card": card})
    words = {name: getattr(card, name) for name in _WORDS}
    values = {name: str(escape(word)) for name, word in words.items()}
    values |= {name: _number(getattr(card, name)) for name in _NUMBERS}
    marks: dict[str, Any] = {name: _MARKS[name] if word else "" for name, word in words.items()}
    # An empty word may leave out what is around it, so it makes another shape.
    shape = _shape(replace(card, **(marks | _NUMBER_MARKS)))
    return "".join(values[part] if index % 2 else part for index, part in enumerate(shape))


def _shape_words(card: Card) -> str:
    """The words that stay in the shape: those of the builder may look like a slot."""
    ports = (word for port in card.ports for word in (port.name, port.label))
    return "\n".join((card.type, card.category, card.icon, *ports))


@lru_cache(maxsize=_SHAPES)
def _shape(card: Card) -> Sequence[str]:
    """HTML and names of fields by turns."""
    html = render_to_string(_TEMPLATE, {"card": card})
    parts: list[str] = []
    at = 0
    for slot in _SLOT.finditer(html):
        parts += [html[at : slot.start()], slot.group(1) or _OF_NUMBER[slot.group()]]
        at = slot.end()
    return (*parts, html[at:])


def _number(value: float) -> str:
    """As the template writes it, without its way by decimals where that is plain."""
    return str(int(value)) if value == int(value) else str(floatformat(value, "-2u"))
