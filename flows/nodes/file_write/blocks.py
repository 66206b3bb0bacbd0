"""A Markdown text as blocks and spans, for whatever draws them. Pictures are never fetched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from flows.engine.errors import NodeError

type Kind = Literal["heading", "paragraph", "item", "code", "rule", "table"]
#: Levels of lists and quotes that are drawn; deeper ones look like the last.
DEEPEST = 6
#: Levels of blocks in blocks that are read; a list has two, with its items.
_MOST_NESTED = 100
#: Where links may lead; anything else stays text.
_SCHEMES = ("http://", "https://", "mailto:", "tel:")


@dataclass(frozen=True)
class Span:
    """A piece of a line in one look. `href` is where it leads, if anywhere."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    struck: bool = False
    href: str = ""


type Line = tuple[Span, ...]


@dataclass(frozen=True)
class Block:
    """A block. `level`: of a heading 1 to 6, of an item from 0. `mark`: the item's number, or "•";
    empty for what goes on in the same item. `quoted`: how many quotes it stands in. `first` begins
    a list. `rows` of a table, its header first; `aligned` is left, center or right for each column.
    """

    kind: Kind
    line: Line = ()
    level: int = 0
    mark: str = ""
    quoted: int = 0
    first: bool = False
    text: str = ""
    rows: tuple[tuple[Line, ...], ...] = ()
    aligned: tuple[str, ...] = ()


@dataclass
class _Place:
    """Where the walk is: the lists it is in, from outside in."""

    lists: list[dict[str, Any]] = field(default_factory=list)
    quoted: int = 0
    heading: int = 0
    rows: list[list[Line]] = field(default_factory=list)
    aligned: list[str] = field(default_factory=list)
    in_table: bool = False


def _reader() -> Any:
    """CommonMark with tables and strikethrough; HTML stays text."""
    from markdown_it import MarkdownIt

    options = {"html": False, "maxNesting": _MOST_NESTED}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"])


def _parsed(reader: Any, text: str) -> list[Any]:
    tokens: list[Any] = reader.parse(text)
    if any(token.level >= _MOST_NESTED - 1 for token in tokens):
        # The reader would leave out what lies deeper, and say nothing.
        message = "Lists or quotes are nested too deeply: 50 lists or 99 quotes are the limit."
        raise NodeError("content_unfit", message, field="content")
    return tokens


def html_of(text: str) -> str:
    """A Markdown text as HTML of its own making only."""
    reader = _reader()
    made: str = reader.renderer.render(_parsed(reader, text), reader.options, {})
    return made


def blocks_of(text: str) -> list[Block]:
    """The blocks of a Markdown text in order."""
    place = _Place()
    return [block for token in _parsed(_reader(), text) for block in _blocks(token, place)]


def _blocks(token: Any, place: _Place) -> Iterator[Block]:
    match token.type:
        case "heading_open":
            place.heading = int(token.tag[1])
        case "heading_close":
            place.heading = 0
        case "blockquote_open":
            place.quoted += 1
        case "blockquote_close":
            place.quoted -= 1
        case "bullet_list_open" | "ordered_list_open":
            start = token.attrGet("start") if token.type.startswith("ordered") else None
            number = int(start or 1) if token.type.startswith("ordered") else None
            place.lists.append({"number": number, "mark": "", "first": True})
        case "bullet_list_close" | "ordered_list_close":
            place.lists.pop()
        case "list_item_open":
            _next_item(place.lists[-1])
        case "table_open":
            place.in_table, place.rows, place.aligned = True, [], []
        case "tr_open":
            place.rows.append([])
        case "th_open":
            place.aligned.append(_alignment(token))
        case "table_close":
            place.in_table = False
            rows = tuple(tuple(row) for row in place.rows)
            yield _placed(Block("table", rows=rows, aligned=tuple(place.aligned)), place)
        case "hr":
            yield _placed(Block("rule"), place)
        case "fence" | "code_block":
            yield _placed(Block("code", text=token.content.rstrip("\n")), place)
        case "inline":
            line = tuple(_spans(token.children or ()))
            if place.in_table:
                place.rows[-1].append(line)
            else:
                yield _text(line, place)


def _next_item(entry: dict[str, Any]) -> None:
    if entry["number"] is None:
        entry["mark"] = "•"
    else:
        entry["mark"] = f"{entry['number']}."
        entry["number"] += 1


def _alignment(token: Any) -> str:
    style = str(token.attrGet("style") or "")
    return style.removeprefix("text-align:") or "left"


def _text(line: Line, place: _Place) -> Block:
    if place.heading:
        return Block("heading", line, level=place.heading, quoted=place.quoted)
    if not place.lists:
        return Block("paragraph", line, quoted=place.quoted)
    return _placed(Block("item", line), place)


def _placed(block: Block, place: _Place) -> Block:
    """The block as deep as its list, with the mark of its item if it is the first of it."""
    if not place.lists:
        return replace(block, quoted=place.quoted)
    entry = place.lists[-1]
    mark, first = entry["mark"], entry["first"]
    entry["mark"], entry["first"] = "", False
    level = min(len(place.lists) - 1, DEEPEST)
    return replace(block, level=level, mark=mark, first=first, quoted=place.quoted)


def _spans(tokens: Sequence[Any]) -> Iterator[Span]:
    look = Span("")
    for token in tokens:
        match token.type:
            case "strong_open" | "strong_close":
                look = replace(look, bold=token.nesting > 0)
            case "em_open" | "em_close":
                look = replace(look, italic=token.nesting > 0)
            case "s_open" | "s_close":
                look = replace(look, struck=token.nesting > 0)
            case "link_open":
                href = str(token.attrGet("href") or "")
                look = replace(look, href=href if href.lower().startswith(_SCHEMES) else "")
            case "link_close":
                look = replace(look, href="")
            case "code_inline":
                yield replace(look, text=token.content, code=True)
            case "softbreak":
                yield replace(look, text=" ")
            case "hardbreak":
                yield replace(look, text="\n")
            case "image":
                yield replace(look, text=token.content, italic=True)
            case _ if token.content:
                yield replace(look, text=token.content)


def plain(line: Line) -> str:
    """The words of a line."""
    return "".join(span.text for span in line)


def table_of(rows: Sequence[Sequence[str]]) -> Block:
    """A table of plain texts, its header first."""
    made = tuple(tuple((Span(cell),) for cell in row) for row in rows)
    return Block("table", rows=made, aligned=("left",) * max(map(len, rows), default=0))
