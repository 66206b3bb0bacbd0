"""Word documents of Markdown or rows. Called in a process of its own."""

import io
import json
import re
from typing import Any

from flows.engine.errors import NodeError
from flows.nodes.file_write.blocks import Block, Line, Span, blocks_of, table_of
from flows.nodes.file_write.content import markdown_of

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
#: Columns of a table, as Word has it.
MAX_COLUMNS = 63
_MONO = "Consolas"
_ACCENT = "4F46E5"
#: Width and height in millimetres.
SIZES = {"a4": (210, 297), "letter": (215.9, 279.4)}
#: What may follow a shade among a paragraph's properties: their order is part of the format.
_AFTER_SHADE = tuple(
    f"w:{name}"
    for name in [
        "tabs",
        "suppressAutoHyphens",
        "kinsoku",
        "wordWrap",
        "overflowPunct",
        "topLinePunct",
        "autoSpaceDE",
        "autoSpaceDN",
        "bidi",
        "adjustRightInd",
        "snapToGrid",
        "spacing",
        "ind",
        "contextualSpacing",
        "mirrorIndents",
        "suppressOverlap",
        "jc",
        "textDirection",
        "textAlignment",
        "textboxTightWrap",
        "outlineLvl",
        "divId",
        "cnfStyle",
        "rPr",
        "sectPr",
        "pPrChange",
    ]
)
_LOOKS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


def write(content: bytes, options: dict[str, Any]) -> tuple[None, bytes]:
    """A document; options: `title`, `page_size`."""
    text, rows = markdown_of(json.loads(content))
    made = _Writer(options)
    for block in [table_of(rows)] if rows else blocks_of(text):
        made.add(block)
    return None, made.content()


class _Writer:
    """A document that is being written."""

    def __init__(self, options: dict[str, Any]) -> None:
        from docx import Document
        from docx.shared import Mm

        self._document: Any = Document()
        self._number: Any = None
        section = self._document.sections[0]
        width, height = SIZES[options["page_size"]]
        section.page_width, section.page_height = Mm(width), Mm(height)
        section.left_margin = section.right_margin = Mm(25)
        section.top_margin = section.bottom_margin = Mm(22)
        self._document.core_properties.title = _ILLEGAL.sub("", str(options["title"]))
        self._document.core_properties.author = "FluxPrompt"
        self._looks()
        self._page_number(section.footer.paragraphs[0])

    def content(self) -> bytes:
        made = io.BytesIO()
        self._document.save(made)
        return made.getvalue()

    def _looks(self) -> None:
        from docx.shared import Pt, RGBColor

        normal = self._document.styles["Normal"]
        normal.font.name, normal.font.size = "Calibri", Pt(11)
        normal.paragraph_format.space_after = Pt(8)
        normal.paragraph_format.line_spacing = 1.2
        for level, size in enumerate((22, 17, 14, 12, 11, 11), 1):
            style = self._document.styles[f"Heading {level}"]
            style.font.name, style.font.size = "Calibri", Pt(size)
            style.font.color.rgb = RGBColor(0x17, 0x1A, 0x26)
            # The theme's own font would win over the name.
            fonts = style.element.rPr.rFonts
            for name in list(fonts.attrib):
                if "Theme" in name:
                    del fonts.attrib[name]
            style.paragraph_format.space_before = Pt(16 if level < 3 else 12)
            style.paragraph_format.space_after = Pt(4)

    def _page_number(self, paragraph: Any) -> None:
        from docx.enum.text import WD_ALIGN_PARAGRAPH
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        field = OxmlElement("w:fldSimple")
        field.set(qn("w:instr"), "PAGE")
        paragraph._p.append(field)

    def add(self, block: Block) -> None:
        from docx.shared import Mm, Pt

        match block.kind:
            case "heading":
                self._spans(self._document.add_heading(level=block.level), block.line)
                return
            case "table":
                self._table(block)
                return
            case "rule":
                paragraph = self._document.add_paragraph()
                _border(paragraph, "bottom", "DFE3EE")
                return
            case "code":
                paragraph = self._document.add_paragraph()
                self._spans(paragraph, (Span(block.text, code=True),))
                _shade(paragraph, "F1F3F9")
                paragraph.paragraph_format.line_spacing = 1.0
            case "item" if block.mark:
                paragraph = self._item(block)
                self._spans(paragraph, block.line)
                paragraph.paragraph_format.space_after = Pt(3)
            case _:
                paragraph = self._document.add_paragraph()
                self._spans(paragraph, block.line)
        if block.quoted:
            _border(paragraph, "left", "DFE3EE")
        inside = block.kind != "paragraph" and not block.mark
        steps = block.quoted + (block.level + 1 if block.kind == "item" and inside else 0)
        if steps:
            paragraph.paragraph_format.left_indent = Mm(6 * steps)

    def _item(self, block: Block) -> Any:
        number = "" if block.level == 0 else f" {min(block.level, 2) + 1}"
        if block.mark == "•":
            return self._document.add_paragraph(style=f"List Bullet{number}")
        paragraph = self._document.add_paragraph(style=f"List Number{number}")
        if block.first:
            self._number = self._counting_from(paragraph, int(block.mark.rstrip(".")))
        properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
        properties.get_or_add_numId().val = self._number
        return paragraph

    def _counting_from(self, paragraph: Any, start: int) -> int:
        """A numbering of its own for each list, or all of them would go on counting."""
        numbering = self._document.part.numbering_part.numbering_definitions._numbering
        style = paragraph.style.element.pPr.numPr.numId.val
        kind = numbering.num_having_numId(style).abstractNumId.val
        made = numbering.add_num(kind)
        made.add_lvlOverride(ilvl=0).add_startOverride(start)
        found: int = made.numId
        return found

    def _table(self, block: Block) -> None:
        from docx.enum.text import WD_ALIGN_PARAGRAPH
        from docx.oxml import OxmlElement

        width = max(map(len, block.rows), default=0)
        if not width:
            return
        if width > MAX_COLUMNS:
            message = f"Word has no tables of {width} columns; {MAX_COLUMNS} are the limit."
            raise NodeError("content_unfit", f"{message} Write xlsx.", field="content")
        table = self._document.add_table(rows=len(block.rows), cols=width, style="Table Grid")
        sides = {"center": WD_ALIGN_PARAGRAPH.CENTER, "right": WD_ALIGN_PARAGRAPH.RIGHT}
        # One look at the table's cells: asking for them one by one is quadratic.
        cells = table._cells
        for number, row in enumerate(block.rows):
            for place, line in enumerate(row):
                paragraph = cells[number * width + place].paragraphs[0]
                bold = tuple(Span(**{**vars(s), "bold": True}) for s in line)
                self._spans(paragraph, bold if number == 0 else line)
                paragraph.paragraph_format.space_after = 0
                if place < len(block.aligned):
                    paragraph.alignment = sides.get(block.aligned[place])
                if number == 0:
                    _shade(paragraph, "F1F3F9")
        properties = table.rows[0]._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:tblHeader"))  # again at the top of each page
        self._document.add_paragraph()

    def _spans(self, paragraph: Any, line: Line) -> None:
        from docx.shared import Pt, RGBColor

        for span in line:
            run = paragraph.add_run(_ILLEGAL.sub("", span.text))
            run.bold, run.italic = span.bold or None, span.italic or None
            run.font.strike = span.struck or None
            if span.code:
                run.font.name, run.font.size = _MONO, Pt(9.5)
            if span.href:
                run.font.underline = True
                run.font.color.rgb = RGBColor.from_string(_ACCENT)
                self._link(paragraph, run, span.href)

    def _link(self, paragraph: Any, run: Any, href: str) -> None:
        from docx.opc.constants import RELATIONSHIP_TYPE
        from docx.oxml import OxmlElement

        kept = self._document.part.relate_to(href, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
        link = OxmlElement("w:hyperlink")
        link.set(f"{_LOOKS}id", kept)
        link.append(run._r)
        paragraph._p.append(link)


def _border(paragraph: Any, side: str, color: str) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    borders, line = OxmlElement("w:pBdr"), OxmlElement(f"w:{side}")
    looks = {"val": "single", "sz": "8" if side == "bottom" else "18", "space": "8", "color": color}
    for name, value in looks.items():
        line.set(qn(f"w:{name}"), value)
    borders.append(line)
    paragraph._p.get_or_add_pPr().insert_element_before(borders, "w:shd", *_AFTER_SHADE)


def _shade(paragraph: Any, color: str) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    shade = OxmlElement("w:shd")
    for name, value in {"val": "clear", "color": "auto", "fill": color}.items():
        shade.set(qn(f"w:{name}"), value)
    paragraph._p.get_or_add_pPr().insert_element_before(shade, *_AFTER_SHADE)
