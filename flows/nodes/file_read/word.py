"""Word documents: paragraphs, headings, lists and tables in order. Runs in its own process."""

import io
from collections.abc import Iterator
from typing import Any

from flows.engine.errors import NodeError
from flows.nodes.file_read.office import check_parts, unreadable
from flows.nodes.file_read.tables import MAX_CELLS, as_markdown, too_many

MAX_CHARACTERS = 10_000_000
#: Tables in tables that are followed; deeper ones are left out.
_DEEPEST = 8
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
# What was deleted but is still tracked, and second copies for old programs.
_UNREAD = {f"{_W}del", f"{_W}moveFrom", f"{_W}instrText", f"{_W}delText"}
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


def read(content: bytes, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """`{text, tables, metadata}`; options: `markdown`. Raises NodeError."""
    if "word/document.xml" not in check_parts(content):
        raise unreadable("it is no Word document.")
    try:
        from docx import Document

        document = Document(io.BytesIO(content))
        return _Reader(document, markdown=bool(options.get("markdown"))).result(), b""
    except (NodeError, MemoryError, RecursionError):
        raise
    except Exception as error:
        raise unreadable(f"it is no whole Word document ({type(error).__name__}).") from error


class _Reader:
    """Walks a document's body once."""

    def __init__(self, document: Any, *, markdown: bool) -> None:
        self._document = document
        self._markdown = markdown
        self._styles = {style.style_id: (style.name or "") for style in document.styles}
        self._characters = 0
        self._cells = 0
        self.tables: list[list[list[str]]] = []

    def result(self) -> dict[str, Any]:
        blocks = list(self._blocks(self._document.element.body, 0))
        facts = self._document.core_properties
        return {
            "text": _joined(blocks),
            "tables": self.tables,
            "metadata": {
                "format": "docx",
                "title": facts.title or "",
                "author": facts.author or "",
                "tables": len(self.tables),
            },
        }

    def _blocks(self, parent: Any, depth: int) -> Iterator[tuple[str, bool]]:
        """Texts of paragraphs and tables; whether each is an item of a list."""
        for child in parent:
            if child.tag == f"{_W}p":
                if text := self._text_of(child):
                    yield self._paragraph(child, text)
            elif child.tag == f"{_W}tbl" and depth < _DEEPEST:
                yield self._table(child, depth), False
            elif child.tag in (f"{_W}sdt", f"{_W}sdtContent"):
                yield from self._blocks(child, depth)

    def _paragraph(self, element: Any, text: str) -> tuple[str, bool]:
        properties = element.find(f"{_W}pPr")
        style = self._styles.get(_value(properties, "pStyle"), "").lower()
        level = _heading(style, properties)
        if level and self._markdown:
            return f"{'#' * level} {' '.join(text.split())}", False
        indent = _value(properties, "numPr", "ilvl")
        if indent or "list" in style or _value(properties, "numPr", "numId"):
            depth = int(indent) if indent.isdigit() else 0
            mark = "1." if "number" in style else "-"
            return f"{'  ' * min(depth, _DEEPEST)}{mark} {text}", True
        return text, False

    def _text_of(self, element: Any) -> str:
        said = "".join(self._pieces(element)).strip()
        self._characters += len(said)
        if self._characters > MAX_CHARACTERS:
            raise too_many(f"{MAX_CHARACTERS:,} characters")
        return said

    def _pieces(self, element: Any) -> Iterator[str]:
        """The text below an element, in order; not what was deleted. Without recursion."""
        stack = [element]
        while stack:
            one = stack.pop()
            if one.tag in _UNREAD or one.tag == _FALLBACK:
                continue
            if one.tag == f"{_W}t":
                yield one.text or ""
            elif one.tag in (f"{_W}tab", f"{_W}ptab") and one.getparent().tag == f"{_W}r":
                yield "\t"
            elif one.tag in (f"{_W}br", f"{_W}cr"):
                yield "\n"
            elif one.tag == f"{_W}noBreakHyphen":
                yield "-"
            stack.extend(reversed(one))

    def _table(self, element: Any, depth: int) -> str:
        rows = []
        for row in element.iterchildren(f"{_W}tr"):
            cells: list[str] = []
            for cell in row.iterchildren(f"{_W}tc"):
                text = _joined(list(self._blocks(cell, depth + 1)))
                spans = _value(cell.find(f"{_W}tcPr"), "gridSpan")
                # A cell over several columns keeps those after it in their place.
                cells += [text, *[""] * (min(int(spans), 100) - 1 if spans.isdigit() else 0)]
            self._cells += len(cells)
            if self._cells > MAX_CELLS:
                raise too_many(f"{MAX_CELLS:,} cells")
            rows.append(cells)
        if depth == 0:
            self.tables.append(rows)
        if self._markdown and depth == 0:
            return as_markdown(rows)
        return "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in rows)


def _joined(blocks: list[tuple[str, bool]]) -> str:
    """Blocks with an empty line between; items of one list stand together."""
    parts: list[str] = []
    before = False
    for text, is_item in blocks:
        parts += ["\n" if before and is_item else "\n\n" if parts else "", text]
        before = is_item
    return "".join(parts)


def _value(parent: Any, *path: str) -> str:
    """The `w:val` of an element below another one; empty where there is none."""
    for name in path:
        parent = parent.find(f"{_W}{name}") if parent is not None else None
    return (parent.get(f"{_W}val") or "") if parent is not None else ""


def _heading(style: str, properties: Any) -> int:
    """The level of a heading from 1 to 6; 0 for what is none."""
    if style == "title":
        return 1
    if style.startswith("heading"):
        number = style.removeprefix("heading").strip()
        return min(int(number), 6) if number.isdigit() and int(number) else 1
    outline = _value(properties, "outlineLvl")
    return int(outline) + 1 if outline.isdigit() and int(outline) < 6 else 0
