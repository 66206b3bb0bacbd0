"""PDF documents of Markdown or rows. Called in a process of its own."""

import io
import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from flows.engine.errors import NodeError
from flows.nodes.file_write import fonts
from flows.nodes.file_write.blocks import Block, Line, blocks_of, table_of
from flows.nodes.file_write.content import markdown_of

#: Points: size of the text, and of headings by their level.
SIZE = 10.5
_HEADINGS = (22.0, 16.5, 13.5, 12.0, 11.0, 11.0)
_MARGIN = 68.0
_INDENT = 16.0
_INK, _MUTED, _LINE, _SHADE, _LINK = "#171a26", "#5b6275", "#dfe3ee", "#f1f3f9", "#4f46e5"
_LOOKS: dict[str, Any] = {
    "fontName": fonts.SANS,
    "fontSize": SIZE,
    "leading": SIZE * 1.45,
    "textColor": _INK,
    "spaceBefore": 6,
    "spaceAfter": 7,
    "allowWidows": 0,
    "allowOrphans": 0,
    "splitLongWords": 1,
    "bulletFontName": fonts.SANS,
    "bulletFontSize": SIZE,
    "bulletIndent": -_INDENT + 2,
}
_OTHER_LOOKS: dict[str, dict[str, Any]] = {
    "item": {"spaceBefore": 0, "spaceAfter": 3},
    "quote": {"textColor": _MUTED, "spaceAfter": 5},
    "cell": {"fontSize": 9.5, "leading": 13, "spaceBefore": 0, "spaceAfter": 0},
}
#: Characters of a line of code; longer ones are broken.
_CODE_WIDTH = 84
#: The part of all letters that may be missing in the fonts before the document is refused.
MOST_MISSING = 0.2


def write(content: bytes, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """A document, and `{missing, pages}`; options: `title`, `page_size`. Raises NodeError."""
    fonts.register()
    text, rows = markdown_of(json.loads(content))
    made = _Writer(options)
    for block in [table_of(rows)] if rows else blocks_of(text):
        made.add(block)
    return made.finished()


class _Writer:
    """A document that is being written."""

    def __init__(self, options: dict[str, Any]) -> None:
        from reportlab.lib.pagesizes import A4, LETTER

        self._size = A4 if options["page_size"] == "a4" else LETTER
        self._title = str(options["title"])
        # Frames have six points of their own on each side.
        self._width = self._size[0] - 2 * _MARGIN - 12
        self._story: list[Any] = []
        self._missing = self._letters = 0
        self._styles: dict[Any, Any] = {}

    def finished(self) -> tuple[dict[str, Any], bytes]:
        from reportlab.platypus import SimpleDocTemplate, Spacer

        if self._letters and self._missing > MOST_MISSING * self._letters:
            message = (
                "The fonts here have no letters for most of this text. An operator may install "
                "one that has (a package such as fontpkg-noto-sans-thai); or write docx or html."
            )
            raise NodeError("font_missing", message, field="content")
        made = io.BytesIO()
        document = SimpleDocTemplate(
            made,
            pagesize=self._size,
            leftMargin=_MARGIN,
            rightMargin=_MARGIN,
            topMargin=62,
            bottomMargin=62,
            title=self._title,
            author="FluxPrompt",
            invariant=1,
        )
        # After the page, so that whoever reads its text does not begin with the number.
        document.afterPage = lambda: self._foot(document.canv, document)
        document.build(self._story or [Spacer(1, 1)])
        return {"missing": self._missing, "pages": document.page}, made.getvalue()

    def _foot(self, canvas: Any, document: Any) -> None:
        canvas.setFont(fonts.SANS, 8.5)
        canvas.setFillColor(_MUTED)
        canvas.drawCentredString(self._size[0] / 2, 34, str(document.page))

    def add(self, block: Block) -> None:
        from reportlab.platypus import HRFlowable, Indenter, KeepTogether

        steps = block.quoted + (block.level + 1 if block.kind != "heading" and block.mark else 0)
        if not block.mark and block.kind != "heading" and block.level:
            steps += block.level + 1
        indent = min(steps, 8) * _INDENT
        parts: list[Any]
        match block.kind:
            case "table":
                parts = self._table(block, self._width - indent)
            case "rule":
                parts = [HRFlowable(width="100%", color=_LINE, spaceBefore=8, spaceAfter=10)]
            case "code":
                parts = [self._code(block)]
            case "heading":
                parts = [self._paragraph(block.line, self._style("heading", block.level))]
            case _:
                style = self._style("quote" if block.quoted else block.kind, 0)
                parts = [self._paragraph(block.line, style, mark=block.mark)]
        if indent:
            parts = [Indenter(left=indent), *parts, Indenter(left=-indent)]
        self._story += parts if block.kind != "code" or indent else [KeepTogether(parts)]

    def _style(self, kind: str, level: int) -> Any:
        from reportlab.lib.styles import ParagraphStyle

        if (kind, level) not in self._styles:
            looks = {**_LOOKS, **_heading(level)} if kind == "heading" else {**_LOOKS}
            looks |= _OTHER_LOOKS.get(kind, {})
            self._styles[kind, level] = ParagraphStyle(f"{kind}-{level}", **looks)
        return self._styles[kind, level]

    def _paragraph(self, line: Line, style: Any, *, mark: str = "", bold: bool = False) -> Any:
        from reportlab.platypus import Paragraph

        markup = "".join(self._span(span, bold=bold or "Bold" in style.fontName) for span in line)
        return Paragraph(markup or " ", style, bulletText=mark or None)

    def _span(self, span: Any, *, bold: bool) -> str:
        """A span in reportlab's markup: our own tags only, everything of the text escaped."""
        family = fonts.MONO if span.code else fonts.SANS
        look = "Bold" * (span.bold or bold) + "Italic" * span.italic
        name = f"{family}-{look}" if look else family
        pieces, missing = fonts.drawn(span.text, name)
        self._missing += missing
        self._letters += sum(not letter.isspace() for letter in span.text)
        size = ' size="9"' if span.code else ""
        made = "".join(
            f'<font name="{font}"{size}>{escape(text)}</font>' for font, text in pieces
        ).replace("\n", "<br/>")
        if span.struck:
            made = f"<strike>{made}</strike>"
        if span.href:
            made = f"<link href={quoteattr(span.href)} color={quoteattr(_LINK)}>{made}</link>"
        return made

    def _code(self, block: Block) -> Any:
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.platypus import Table, TableStyle, XPreformatted

        style = ParagraphStyle("code", fontName=fonts.MONO, fontSize=8.5, leading=12.2)
        style.textColor = _INK
        lines = []
        for line in block.text.expandtabs(4).split("\n"):
            broken = [line[at : at + _CODE_WIDTH] for at in range(0, len(line), _CODE_WIDTH)]
            lines += broken or [""]
        rows = [[XPreformatted(self._plain(line) or " ", style)] for line in lines]
        table = Table(rows, colWidths=["100%"])
        looks = [
            ("BACKGROUND", (0, 0), (-1, -1), _SHADE),
            ("TOPPADDING", (0, 0), (-1, -1), 0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, 0), 8),
            ("BOTTOMPADDING", (0, -1), (-1, -1), 8),
            ("LEFTPADDING", (0, 0), (-1, -1), 10),
        ]
        table.setStyle(TableStyle(looks))
        table.spaceAfter, table.spaceBefore = 9, 4
        return table

    def _plain(self, text: str) -> str:
        pieces, missing = fonts.drawn(text, fonts.MONO)
        self._missing += missing
        self._letters += sum(not letter.isspace() for letter in text)
        return "".join(f'<font name="{font}">{escape(part)}</font>' for font, part in pieces)

    def _table(self, block: Block, width: float) -> list[Any]:
        from reportlab.platypus import LongTable, Spacer, TableStyle

        columns = max(map(len, block.rows), default=0)
        if not columns:
            return []
        if columns > 40:
            message = f"A page has no room for {columns} columns; 40 are the limit. Write xlsx."
            raise NodeError("content_unfit", message, field="content")
        cells = [
            [
                self._paragraph(row[at] if at < len(row) else (), self._cell(block, at), bold=not n)
                for at in range(columns)
            ]
            for n, row in enumerate(block.rows)
        ]
        widths = _widths(block, columns, width)
        table = LongTable(cells, colWidths=widths, repeatRows=1, splitInRow=1)
        looks = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("BACKGROUND", (0, 0), (-1, 0), _SHADE),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE),
            ("LINEBELOW", (0, 0), (-1, 0), 1, "#858da3"),
            ("LEFTPADDING", (0, 0), (-1, -1), 5),
            ("RIGHTPADDING", (0, 0), (-1, -1), 5),
        ]
        table.setStyle(TableStyle(looks))
        return [table, Spacer(1, 10)]

    def _cell(self, block: Block, place: int) -> Any:
        from reportlab.lib.enums import TA_CENTER, TA_RIGHT

        side = block.aligned[place] if place < len(block.aligned) else "left"
        style = self._style("cell", {"left": 0, "center": 1, "right": 2}.get(side, 0))
        style.alignment = {"center": TA_CENTER, "right": TA_RIGHT}.get(side, 0)
        return style


def _heading(level: int) -> dict[str, Any]:
    size = _HEADINGS[level - 1]
    return {
        "fontName": f"{fonts.SANS}-Bold",
        "fontSize": size,
        "leading": size * 1.25,
        "spaceBefore": size * 0.8,
        "spaceAfter": size * 0.35,
        "keepWithNext": 1,
    }


def _widths(block: Block, columns: int, width: float) -> list[float]:
    """Shares of the page by the longest texts, none less than half an equal share."""
    longest = [4.0] * columns
    for row in block.rows[:200]:
        for at, line in enumerate(row):
            longest[at] = max(longest[at], min(float(sum(len(s.text) for s in line)), 60.0))
    least = width / columns / 2
    spare = width - least * columns
    return [least + spare * share / sum(longest) for share in longest]
