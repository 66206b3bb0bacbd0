"""Excel workbooks of rows. Called in a process of its own."""

import io
import json
import re
from typing import Any

from flows.engine.errors import NodeError
from flows.nodes.file_write.content import shown

#: What one sheet of Excel holds.
MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
MAX_TEXT = 32_767
#: Rows by which the widths of columns are found, and the widest, in characters.
_LOOKED_AT = 500
_WIDEST = 60
# XML 1.0 has none of these.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NOT_IN_TITLES = re.compile(r"[\\/*?:\[\]']")


def write(content: bytes, options: dict[str, Any]) -> tuple[None, bytes]:
    """A workbook of one sheet; the first row stands out, stays in sight and filters.

    Options: `safe` (text is never a formula), `title`, `has_header`. Raises NodeError.
    """
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter

    rows = json.loads(content)
    width = max(map(len, rows), default=0)
    if len(rows) > MAX_ROWS or width > MAX_COLUMNS:
        message = f"A sheet holds {MAX_ROWS:,} rows and {MAX_COLUMNS:,} columns. Write csv."
        raise NodeError("content_unfit", message, field="content")
    book = Workbook(write_only=True)
    title = _NOT_IN_TITLES.sub(" ", str(options["title"])).strip()[:31]
    sheet = book.create_sheet(title or "Sheet1")
    for place in range(width):
        looked_at = (row[place] for row in rows[:_LOOKED_AT] if place < len(row))
        longest = max((len(shown(cell).split("\n")[0]) for cell in looked_at), default=0)
        wide = min(max(longest + 2, 9), _WIDEST)
        sheet.column_dimensions[get_column_letter(place + 1)].width = wide
    has_header = bool(options["has_header"]) and len(rows) > 1
    if has_header:
        sheet.freeze_panes = "A2"
        sheet.auto_filter.ref = f"A1:{get_column_letter(width)}{len(rows)}"
    for number, row in enumerate(rows):
        is_header = has_header and number == 0
        sheet.append([_cell(sheet, value, options, is_header=is_header) for value in row])
    made = io.BytesIO()
    book.save(made)
    return None, made.getvalue()


def _cell(sheet: Any, value: Any, options: dict[str, Any], *, is_header: bool) -> Any:
    if not is_header and (value is None or isinstance(value, bool | int | float)):
        # Larger ones lose digits in a spreadsheet, so they stay text.
        is_exact = not isinstance(value, int) or abs(value) < 10**15
        return value if is_exact else _text_cell(sheet, str(value), options)
    cell = _text_cell(sheet, shown(value), options)
    if is_header:
        from openpyxl.styles import Font, PatternFill

        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="F1F3F9")
    return cell


def _text_cell(sheet: Any, text: str, options: dict[str, Any]) -> Any:
    from openpyxl.cell import WriteOnlyCell

    text = _ILLEGAL.sub("", text)
    if len(text) > MAX_TEXT:
        message = f"A cell of a workbook holds {MAX_TEXT:,} characters; one has {len(text):,}."
        raise NodeError("content_unfit", f"{message} Shorten it, or write csv.", field="content")
    cell = WriteOnlyCell(sheet, value=text)
    if options["safe"]:
        # It would take what begins with = for a formula.
        cell.data_type = "s"
    return cell
