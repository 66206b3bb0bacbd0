"""Excel workbooks: their sheets as rows of values. Runs in its own process."""

import datetime
import io
import math
from collections.abc import Iterator
from typing import Any

from flows.engine.errors import NodeError
from flows.nodes.file_read.office import check_parts, unreadable
from flows.nodes.file_read.tables import MAX_CELLS, too_many

MAX_CHARACTERS = 20_000_000


def read(content: bytes, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """`{sheets: [{name, rows}], metadata}`; options: `sheet` (name or number; empty: all).

    Values that are stored beside formulas are read; nothing is calculated. Raises NodeError.
    """
    if "xl/workbook.xml" not in check_parts(content):
        raise unreadable("it is no Excel workbook.")
    try:
        return _read(content, str(options.get("sheet") or "")), b""
    except (NodeError, MemoryError, RecursionError):
        raise
    except Exception as error:
        raise unreadable(f"it is no whole Excel workbook ({type(error).__name__}).") from error


def _read(content: bytes, wanted: str) -> dict[str, Any]:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    names = [sheet.title for sheet in book.worksheets]
    room = _Room()
    chosen = [book.worksheets[_place(names, wanted)]] if wanted else book.worksheets
    sheets = [{"name": sheet.title, "rows": list(_rows(sheet, room))} for sheet in chosen]
    facts = book.properties
    return {
        "sheets": sheets,
        "metadata": {
            "format": "xlsx",
            "sheets": names,
            "title": facts.title or "",
            "author": facts.creator or "",
        },
    }


def _place(names: list[str], wanted: str) -> int:
    if wanted in names:
        return names.index(wanted)
    if wanted.isdigit() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    shown = ", ".join(f"'{name[:40]}'" for name in names[:20])
    message = f"The workbook has no sheet '{wanted[:60]}'. It has: {shown}."
    raise NodeError("sheet_missing", message, field="sheet")


class _Room:
    """What is left of the limits, for all sheets together."""

    def __init__(self) -> None:
        self.cells = MAX_CELLS
        self.characters = MAX_CHARACTERS

    def take(self, row: list[Any]) -> None:
        self.cells -= len(row)
        self.characters -= sum(len(value) for value in row if isinstance(value, str))
        if self.cells < 0:
            raise too_many(f"{MAX_CELLS:,} cells")
        if self.characters < 0:
            raise too_many(f"{MAX_CHARACTERS:,} characters")


def _rows(sheet: Any, room: _Room) -> Iterator[list[Any]]:
    """Rows without what is empty at their end; empty ones are left out."""
    # What the file says of its size is a claim, by which rows would be filled up.
    sheet.reset_dimensions()
    for values in sheet.iter_rows(values_only=True):
        row = list(values)
        while row and row[-1] is None:
            row.pop()
        if row:
            row = [_plain(value) for value in row]
            room.take(row)
            yield row


def _plain(value: Any) -> Any:
    """A JSON value; days and times as ISO 8601."""
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float) or value is None else str(value)
