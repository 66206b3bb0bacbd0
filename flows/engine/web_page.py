"""What a web page says: its title, text, links and tables. One pass, whatever the page holds."""

from typing import Any

#: What is not text for readers.
_UNREAD = frozenset({"script", "style", "noscript", "template", "head", "svg", "iframe"})
#: What begins and ends a line.
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt"),
        *("fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul"),
    }
)
#: Links and rows of tables that are listed; a page with more is told apart by nobody.
MAX_LINKS = 20_000
MAX_ROWS = 100_000


class Page:
    """Fed with the elements of a page in their order."""

    def __init__(self) -> None:
        self.title = ""
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
        lines = (_words("".join(line)) for line in self._lines)
        return "\n".join(line for line in lines if line)

    def start(self, tag: str, href: str | None) -> None:
        """An element begins; `href` is where it leads."""
        self._unread += tag in _UNREAD
        if tag in _BLOCKS:
            self._lines.append([])
        if tag == "table":
            self._tables.append([])
        elif tag == "tr" and self._tables and self._rows < MAX_ROWS:
            self._rows += 1
            self._tables[-1].append([])
        elif tag in ("td", "th"):
            self._cells.append([])
            self.say(" ")
        elif tag == "a" and href and len(self.links) < MAX_LINKS:
            link = {"text": "", "url": href.strip()}
            self.links.append(link)
            self._anchors.append((link, []))

    def say(self, text: str | None) -> None:
        """Text that stands in the element that is open."""
        if not text or self._unread:
            return
        self._lines[-1].append(text)
        if self._cells:
            self._cells[-1].append(text)
        if self._anchors:
            self._anchors[-1][1].append(text)

    def end(self, tag: str, href: str | None) -> None:
        """An element ends."""
        self._unread -= tag in _UNREAD
        if tag in _BLOCKS:
            self._lines.append([])
        if tag == "table" and self._tables:
            rows = [row for row in self._tables.pop() if row]
            if rows:
                self.tables.append(rows)
        elif tag in ("td", "th") and self._cells:
            cell = _words("".join(self._cells.pop()))
            if self._tables and self._tables[-1]:
                self._tables[-1][-1].append(cell)
        elif tag == "a" and href and self._anchors:
            link, said = self._anchors.pop()
            link["text"] = _words("".join(said))


def page_of(html: str) -> dict[str, Any]:
    """`{title, text, links: [{text, url}], tables: [rows of cells]}`. Any text is a page."""
    from lxml import etree

    # The text is no longer in the encoding that the page may name.
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True)
    root = etree.fromstring(html.encode("utf-8", "replace"), parser) if html.strip() else None
    page = Page()
    if root is not None:
        title = root.find(".//title")
        page.title = _words("".join(title.itertext())) if title is not None else ""
        for event, element in etree.iterwalk(root, events=("start", "end")):
            if not isinstance(element.tag, str):
                page.say(element.tail if event == "end" else None)
            elif event == "start":
                page.start(element.tag, element.get("href"))
                page.say(element.text)
            else:
                page.end(element.tag, element.get("href"))
                page.say(element.tail)
    return {"title": page.title, "text": page.text, "links": page.links, "tables": page.tables}


def _words(text: str) -> str:
    return " ".join(text.split())
