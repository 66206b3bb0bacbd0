"""The tag that draws the cards of the editor's canvas."""

from collections.abc import Iterable

from django import template
from django.utils.safestring import SafeString

from flows.views.card_html import cards_html
from flows.views.picture import Card

register = template.Library()


@register.simple_tag
def node_cards(cards: Iterable[Card]) -> SafeString:
    """All of these cards; see `flows.views.card_html`."""
    return cards_html(cards)
