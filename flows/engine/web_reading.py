"""Reads a web page for people and models: its main part as text or Markdown, and its links."""

from collections.abc import Callable
from itertools import islice
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from flows.engine.web_markdown import Markdown
from flows.engine.web_page import Element, Page, read_by, title_of, tree_of, words

JSON = Any
#: Different links that are listed, characters of one, and of all that are written out.
MAX_LINKS, MAX_ADDRESS, MAX_WRITTEN = 20_000, 2_000, 5_000_000
#: Left out of a page that says what its main part is.
_BESIDE = frozenset({"nav", "aside", "footer"})
#: Nothing that is read, wherever it stands.
_CONTROLS = frozenset(
    {*("button", "select", "textarea", "input", "dialog", "canvas", "audio", "video", "object")}
)
_HOLDING = ("main", "article")
#: Elements above a header that are asked whether they are one of these.
_NEAR = 30
#: What would end an address in Markdown.
_ENDING = str.maketrans({" ": "%20", "(": "%28", ")": "%29", "<": "%3C", ">": "%3E", "\\": "%5C"})


class Addresses:
    """Makes the addresses of a page absolute, as many as there is room for."""

    def __init__(self, root: Element, url: str) -> None:
        base = root.find(".//base[@href]")
        self._base = url if base is None else (_joined(url, base.get("href") or "") or url)
        self._known: dict[str, str | None] = {}
        self._room = MAX_WRITTEN

    def absolute(self, href: str) -> str | None:
        """None for what is no web address, is too long, or more than is written out."""
        href = href.strip()
        if not href or len(href) > MAX_ADDRESS:
            return None
        if href not in self._known:
            self._known[href] = _joined(self._base, href)
        address = self._known[href]
        if address is None or len(address) > self._room:
            return None
        self._room -= len(address)
        return address


def _joined(base: str, href: str) -> str | None:
    try:
        address = urljoin(base, href)
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc or len(address) > MAX_ADDRESS:
        return None
    return "".join(address.split("\n")).translate(_ENDING)


def read_page(
    html: str, url: str, *, form: Literal["text", "markdown"], whole: bool = False
) -> dict[str, JSON]:
    """`{text, title, description, links: [{text, url}]}` of a page at this address.

    Where the page says what its main part is, that is read alone, unless `whole` asks for all.
    Raises PageUnreadable.
    """
    root = tree_of(html)
    if root is None:
        return {"text": "", "title": "", "description": "", "links": []}
    part, is_left_out = _main_of(root) if not whole else (root, _is_control)
    text = _text(part, form, Addresses(root, url), is_left_out)
    if not text and part is not root:
        # Filled by a script that does not run here: there may be something beside it.
        part, is_left_out = root, _is_control
        text = _text(part, form, Addresses(root, url), is_left_out)
    return {
        "text": text,
        "title": title_of(root) or _meta(root, "og:title") or _heading(part),
        "description": _meta(root, "description") or _meta(root, "og:description"),
        "links": _links(part, Addresses(root, url), is_left_out),
    }


def whole_page(html: str) -> str:
    """All of a page as Markdown, without the addresses of its links. Raises PageUnreadable."""
    root = tree_of(html)
    if root is None:
        return ""
    reader = Markdown(lambda _: None)
    read_by(reader, root, _is_control)
    return reader.text.strip()


def _text(
    part: Element, form: str, addresses: Addresses, is_left_out: Callable[[Element], bool]
) -> str:
    reader = Markdown(addresses.absolute) if form == "markdown" else Page()
    read_by(reader, part, is_left_out)
    return reader.text.strip()


def _main_of(root: Element) -> tuple[Element, Callable[[Element], bool]]:
    """The part to read, and what is left out of it."""
    main = next(iter(root.xpath("//main | //*[@role='main']")), None)
    articles = list(root.iter("article")) if main is None else []
    if main is None and not articles:
        return root, _is_control
    if main is None and len(articles) == 1:
        main = articles[0]
    return (root if main is None else main), _is_beside


def _is_beside(element: Element) -> bool:
    if element.tag in _BESIDE or _is_control(element):
        return True
    # That of a page, not of an article, which holds its heading.
    return element.tag == "header" and not any(
        above.tag in _HOLDING or above.get("role") == "main"
        for above in islice(element.iterancestors(), _NEAR)
    )


def _is_control(element: Element) -> bool:
    return element.tag in _CONTROLS or "hidden" in element.attrib


def _links(
    part: Element, addresses: Addresses, is_left_out: Callable[[Element], bool]
) -> list[JSON]:
    """Each address once, with the first text that leads to it."""
    page = Page()
    read_by(page, part, is_left_out)
    links: dict[str, str] = {}
    for link in page.links:
        address = addresses.absolute(link["url"])
        if address and not link["url"].startswith("#"):
            links[address] = links.get(address) or link["text"]
    return [{"text": text, "url": address} for address, text in links.items()]


def _meta(root: Element, name: str) -> str:
    for meta in root.iter("meta"):
        if (meta.get("name") or meta.get("property") or "").lower() == name:
            return words(meta.get("content") or "")[:2_000]
    return ""


def _heading(part: Element) -> str:
    found = next(part.iter("h1"), None)
    return "" if found is None else words("".join(found.itertext()))[:1_000]
