"""Markdown from models and people to HTML that is safe to show."""

from dataclasses import dataclass
from functools import cache

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

#: Characters of one text; rendering takes 10 ms for each 1,000 of brackets or of a wide table.
LIMIT = 16_384
#: Characters of all texts of one page.
PAGE_LIMIT = 65_536
_TAGS = {
    "a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol",
    "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}


@cache
def _parser() -> MarkdownIt:
    # Pictures are left as text: showing one would call an address that a model made up.
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    return parser.enable(["table", "strikethrough"]).disable("image")


@dataclass
class PageRoom:
    """How much Markdown one page may still render, in characters."""

    left: int = PAGE_LIMIT


def render_markdown(text: str, room: PageRoom | None = None) -> SafeString:
    """Raw HTML in the text stays text; the result holds only tags from a short list.

    What is long, or more than the page has room for, is shown as it was written.
    """
    room = room or PageRoom()
    if len(text) > min(LIMIT, room.left):
        return format_html('<pre class="code-block" tabindex="0">{}</pre>', text[:PAGE_LIMIT])
    room.left -= len(text)
    html = _parser().render(text)
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(clean)
