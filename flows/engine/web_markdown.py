"""A web page as Markdown: headings, lists, tables, quotes, code, emphasis, links and pictures.

One pass over the elements, each line written once, so that the time grows with the page alone:
nesting is bounded where it would be repeated on every line. Own code, for it reads the tree that is
parsed for links and the main part anyway. Of the libraries, tried with a page of 1 MB (this takes
0.5 s) and with hostile ones: markdownify 1.2 takes 1.5 s and fails on 1,000 nested elements with
RecursionError; html-to-markdown 3.21 takes 0.1 s, but is a binary of 22 MB that leaves out without
a word what is nested deep; trafilatura 2.3 takes 2.5 s and brings 15 packages.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from flows.engine.web_escapes import begun, escaped, longest_run
from flows.engine.web_page import BLOCKS, UNREAD, Element, words
from flows.engine.web_tables import Table, is_data

#: Gives the absolute address of a link or picture; None where it is no web address.
type Resolve = Callable[[str], str | None]
#: Quotes and lists inside one another that show; what is deeper is shown at this depth.
MAX_DEPTH = 8
#: Pieces of text in a link that has blocks in it.
MOST_IN_LINK = 40
#: Blocks that an empty line sets apart.
_LOOSE = frozenset({"p", "pre", "table", "blockquote", "hr", "h1", "h2", "h3", "h4", "h5", "h6"})
_LISTS = frozenset({"ul", "ol"})
_HEADING = re.compile("h[1-6]")
_EMPHASIS = {"strong": "**", "b": "**", "em": "*", "i": "*", "del": "~~", "s": "~~"}
_CODE = frozenset({"code", "kbd", "samp", "tt"})
#: Stands for a line break within a line; no text holds it.
_BREAK = "\0"


@dataclass
class _Mark:
    """What stands before the lines of a quote or of an item of a list."""

    first: str
    rest: str
    used: bool = False


@dataclass
class _List:
    """A list that is open: the number of its first item, None without numbers, and its items."""

    begin: int | None
    count: int = 0


@dataclass
class _Span:
    """Something within a line that is open: from which piece of the line on."""

    kind: str
    begin: int
    address: str = ""


class Markdown:
    """Fed with the elements of a page in their order; see `flows.engine.web_page.Reader`."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._lines: list[str] = []
        self._line: list[str] = []
        self._spans: list[_Span] = []
        self._marks: list[_Mark] = []
        self._lists: list[_List] = []
        self._deep = 0
        self._gap = False
        self._unread = 0
        self._heading = 0
        self._pre: list[str] | None = None
        self._language = ""
        self._table: Table | None = None

    @property
    def text(self) -> str:
        self._flush()
        return "\n".join(self._lines)

    # Elements -------------------------------------------------------------------------------

    def start(self, tag: str, element: Element) -> None:
        self._unread += tag in UNREAD
        if self._unread:
            return
        if self._pre is not None:
            self._inside_pre(tag, element)
        elif tag in BLOCKS or tag in ("td", "th"):
            self._begin_block(tag, element)
        else:
            self._begin_span(tag, element)

    def say(self, text: str | None) -> None:
        if not text or self._unread:
            return
        if self._pre is not None:
            self._pre.append(text)
        else:
            self._line.append(text if self._in("code") else escaped(text))

    def end(self, tag: str, element: Element) -> None:
        if self._unread:
            self._unread -= tag in UNREAD
            return
        if self._pre is not None:
            if tag == "pre":
                self._end_pre()
        elif tag in BLOCKS or tag in ("td", "th"):
            self._end_block(tag)
        else:
            self._end_span(tag)

    # Blocks ---------------------------------------------------------------------------------

    @property
    def _on_one_line(self) -> bool:
        """Whether blocks are part of a line here: in a heading, a link, or a cell."""
        return bool(self._heading or self._table or self._in("a"))

    def _begin_block(self, tag: str, element: Element) -> None:
        if self._table is not None:
            if self._table.start(tag):
                self._line, self._spans = [], []
            else:
                self._line.append(" ")
            return
        if tag == "br":
            self._line.append(" " if self._on_one_line else _BREAK)
            return
        if self._in("a") and len(self._line) - self._spans[0].begin > MOST_IN_LINK:
            self._spans.clear()  # a link that was never closed
        if self._on_one_line:
            self._line.append(" ")
            return
        self._flush()
        self._gap = self._gap or tag in _LOOSE or (tag in _LISTS and not self._lists)
        if tag == "li" and self._lists and self._lists[-1].count:
            self._gap = False  # the items of a list stand close together
        match tag:
            case "hr":
                self._write("---")
            case "pre":
                self._pre, self._language = [], ""
            case "table" if is_data(element):
                self._table = Table()
            case "blockquote":
                self._enter(_Mark("> ", "> "))
            case "ul":
                self._lists.append(_List(None))
            case "ol":
                self._lists.append(_List(_begin_of(element)))
            case "li":
                self._enter(self._item())
            case _ if _HEADING.fullmatch(tag):
                self._heading = int(tag[1])

    def _end_block(self, tag: str) -> None:
        if self._table is not None:
            self._end_in_table(tag)
            return
        if self._heading and tag == f"h{self._heading}":
            level, self._heading = self._heading, 0
            self._spans.clear()
            if said := words("".join(self._line).replace(_BREAK, " ")):
                self._write(f"{'#' * level} {said}")
            self._line = []
            self._gap = True
            return
        if tag == "br" or self._on_one_line:
            return
        self._flush()
        if tag in ("blockquote", "li"):
            self._leave()
        if tag in _LISTS and self._lists:
            self._lists.pop()
        self._gap = self._gap or tag in _LOOSE or (tag in _LISTS and not self._lists)

    def _enter(self, mark: _Mark) -> None:
        self._space()
        self._deep += 1
        if self._deep <= MAX_DEPTH:
            self._marks.append(mark)

    def _leave(self) -> None:
        if self._deep <= MAX_DEPTH and self._marks:
            self._marks.pop()
        self._deep = max(0, self._deep - 1)

    def _item(self) -> _Mark:
        if not self._lists:
            return _Mark("- ", "  ")
        own = self._lists[-1]
        own.count += 1
        first = "- " if own.begin is None else f"{own.begin + own.count - 1}. "
        return _Mark(first, " " * len(first))

    def _end_in_table(self, tag: str) -> None:
        assert self._table is not None
        if tag in ("td", "th"):
            self._spans.clear()
            self._table.add(words("".join(self._line).replace(_BREAK, " ")))
            self._line = []
        elif tag == "caption":
            self._line = []
        elif tag == "table":
            rows, self._table = self._table.lines(), None
            self._line = []
            for row in rows:
                self._write(row)
            self._gap = True

    # Preformatted text ----------------------------------------------------------------------

    def _inside_pre(self, tag: str, element: Element) -> None:
        assert self._pre is not None
        if tag == "br":
            self._pre.append("\n")
        named = re.search(r"(?:language|lang)-([\w+#-]{1,30})", element.get("class") or "")
        if named:
            self._language = named[1]

    def _end_pre(self) -> None:
        code = "".join(self._pre or ()).strip("\r\n").replace("\r\n", "\n")
        self._pre = None
        if code.strip():
            fence = "`" * max(3, longest_run(code) + 1)
            for line in (fence + self._language, *code.split("\n"), fence):
                self._write(line, keep=True)
        self._gap = True

    # Within a line --------------------------------------------------------------------------

    def _in(self, kind: str) -> bool:
        return any(span.kind == kind for span in self._spans)

    def _begin_span(self, tag: str, element: Element) -> None:
        if tag == "img":
            self._picture(element)
        elif tag == "a" and not self._in("a"):
            address = self._resolve(element.get("href") or "")
            if address:
                self._spans.append(_Span("a", len(self._line), address))
        elif tag in _CODE and not self._in("code"):
            self._spans.append(_Span("code", len(self._line)))
        elif (kind := _EMPHASIS.get(tag)) and not self._in(kind) and not self._in("code"):
            self._spans.append(_Span(kind, len(self._line)))

    def _end_span(self, tag: str) -> None:
        kind = _EMPHASIS.get(tag, "code" if tag in _CODE else tag)
        if not self._spans or self._spans[-1].kind != kind:
            return
        span = self._spans.pop()
        said = "".join(self._line[span.begin :])
        del self._line[span.begin :]
        inner = words(said.replace(_BREAK, " "))
        if not inner:
            self._line.append(" " if said else "")
            return
        before = " " if said[:1].isspace() else ""
        after = " " if said[-1:].isspace() else ""
        self._line.append(f"{before}{_wrapped(span, inner)}{after}")

    def _picture(self, element: Element) -> None:
        alt = words(element.get("alt") or "")
        address = self._resolve(element.get("src") or "") if alt else None
        if address and not self._in("code"):
            self._line.append(f"![{escaped(alt)}]({address})")

    # Lines ----------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Write the line that is open. A block ends what was emphasized across it."""
        pieces, self._line = self._line, []
        self._spans.clear()
        said = [words(part) for part in "".join(pieces).split(_BREAK)]
        while said and not said[-1]:
            said.pop()
        for number, part in enumerate(said):
            if part:
                last = number == len(said) - 1
                self._write(begun(part) + ("" if last else "  "))

    def _write(self, line: str, *, keep: bool = False) -> None:
        """One line behind the marks of the quotes and lists that it is in.

        `keep`: it may be empty, as lines of code are.
        """
        self._space()
        marks = []
        for mark in self._marks:
            marks.append(mark.rest if mark.used else mark.first)
            mark.used = True
        made = "".join(marks) + line
        self._lines.append(made.rstrip() if keep and not line else made)

    def _space(self) -> None:
        """The empty line that is wanted, unless a quote or an item has only begun."""
        fresh = bool(self._marks) and not self._marks[-1].used
        if self._gap and self._lines and not fresh:
            self._lines.append("".join(mark.rest for mark in self._marks).rstrip())
        self._gap = False


def _begin_of(element: Element) -> int:
    begin = element.get("start") or "1"
    return int(begin) if begin.isascii() and begin.isdigit() and len(begin) < 9 else 1


def _wrapped(span: _Span, inner: str) -> str:
    if span.kind == "a":
        return f"[{inner}]({span.address})"
    if span.kind != "code":
        return f"{span.kind}{inner}{span.kind}"
    ticks = "`" * (longest_run(inner) + 1)
    room = " " if inner.startswith("`") or inner.endswith("`") else ""
    return f"{ticks}{room}{inner}{room}{ticks}"
