"""What a web page says: its title, text, links and tables. One pass, whatever the page holds."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

#: What is not text for readers.
UNREAD = frozenset({"script", "style", "noscript", "template", "head", "svg", "iframe"})
#: What begins and ends a line.
BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt"),
        *("fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul"),
    }
)
#: Links and rows of tables that are listed; a page with more is told apart by nobody.
MAX_LINKS = 20_000
MAX_ROWS = 100_000
#: An element of lxml.
type Element = Any


class Reader(Protocol):
    """Is fed with the elements of a page in their order, and with the text in between."""

    def start(self, tag: str, element: Element) -> None: ...

    def say(self, text: str | None) -> None: ...

    def end(self, tag: str, element: Element) -> None: ...


class PageUnreadable(Exception):
    """A page of which the parser would leave something out; the message says why."""


def tree_of(html: str) -> Element | None:
    """The elements of a page; None where there are none. Raises PageUnreadable.

    Any text is a page that is nested less than 2,048 levels deep (libxml2's limit; without
    `huge_tree` it is 256, which some tags that nobody closed reach).
    """
    from lxml import etree

    if not html.strip():
        return None
    # The text is no longer in the encoding that the page may name.
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, huge_tree=True
    )
    root = etree.fromstring(html.encode("utf-8", "replace"), parser)
    if any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log):
        raise PageUnreadable("It is nested too deeply, or too large.")
    return root


def read_by(
    reader: Reader, root: Element, is_left_out: Callable[[Element], bool] = lambda _: False
) -> None:
    """Feed a reader with an element and all in it, without what is left out."""
    from lxml import etree

    walk = etree.iterwalk(root, events=("start", "end"))
    out: Element | None = None
    for event, element in walk:
        known = isinstance(element.tag, str)
        if event == "start":
            if known and is_left_out(element):
                walk.skip_subtree()
                out = element
            elif known:
                reader.start(element.tag, element)
                reader.say(element.text)
            continue
        if element is out:
            out = None
        elif known:
            reader.end(element.tag, element)
        if element is not root:
            reader.say(element.tail)


def title_of(root: Element) -> str:
    """What the page calls itself."""
    title = root.find(".//title")
    return words("".join(title.itertext())) if title is not None else ""


class Page:
    """Collects lines of words, links as written and tables."""

    def __init__(self) -> None:
        self.links: list[dict[str, str]] = []
        self.tables: list[list[list[str]]] = []
        self._lines: list[list[str]] = [[]]
        self._unread = 0
        self._tables: list[list[list[str]]] = []
        self._cells: list[list[str]] = []
        self._anchors: list[tuple[dict[str, str], list[str]]] = []
        self._rows = 0

    @property
    def text(self) -> str:
        """Lines of words; empty ones are left out."""
        return "\n".join(self._said())

    def _said(self) -> Iterator[str]:
        for line in self._lines:
            if said := words("".join(line)):
                yield said

    def start(self, tag: str, element: Mapping[str, str]) -> None:
        self._unread += tag in UNREAD
        if tag in BLOCKS:
            self._lines.append([])
        if tag == "table":
            self._tables.append([])
        elif tag == "tr" and self._tables and self._rows < MAX_ROWS:
            self._rows += 1
            self._tables[-1].append([])
        elif tag in ("td", "th"):
            self._cells.append([])
            self.say(" ")
        elif tag == "a" and (href := element.get("href")) and len(self.links) < MAX_LINKS:
            link = {"text": "", "url": href.strip()}
            self.links.append(link)
            self._anchors.append((link, []))

    def say(self, text: str | None) -> None:
        if not text or self._unread:
            return
        self._lines[-1].append(text)
        if self._cells:
            self._cells[-1].append(text)
        if self._anchors:
            self._anchors[-1][1].append(text)

    def end(self, tag: str, element: Mapping[str, str]) -> None:
        self._unread -= tag in UNREAD
        if tag in BLOCKS:
            self._lines.append([])
        if tag == "table" and self._tables:
            rows = [row for row in self._tables.pop() if row]
            if rows:
                self.tables.append(rows)
        elif tag in ("td", "th") and self._cells:
            cell = words("".join(self._cells.pop()))
            if self._tables and self._tables[-1]:
                self._tables[-1][-1].append(cell)
        elif tag == "a" and element.get("href") and self._anchors:
            link, said = self._anchors.pop()
            link["text"] = words("".join(said))


def page_of(html: str) -> dict[str, Any]:
    """`{title, text, links: [{text, url}], tables: [rows of cells]}`. Raises PageUnreadable."""
    root, page = tree_of(html), Page()
    if root is not None:
        read_by(page, root)
    title = "" if root is None else title_of(root)
    return {"title": title, "text": page.text, "links": page.links, "tables": page.tables}


def words(text: str) -> str:
    """The text on one line, with single spaces."""
    return " ".join(text.split())
