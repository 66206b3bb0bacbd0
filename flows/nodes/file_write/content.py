"""What a file is made of: rows for tables, Markdown for documents, and a value for JSON."""

import json
from collections.abc import Sequence
from typing import Any

from flows.engine.errors import NodeError
from flows.engine.json_values import read_json
from flows.nodes.parse.formats import TextUnreadable, csv_value

MAX_CELLS = 1_000_000
MAX_CHARACTERS = 10_000_000


def wrong(message: str) -> NodeError:
    """Content of which the file cannot be made."""
    return NodeError("content_unfit", message, field="content")


def as_json(content: Any) -> Any:
    """The value: of a text that is JSON what it says, else the text itself."""
    if not isinstance(content, str):
        return content
    try:
        return read_json(content)
    except (ValueError, RecursionError):
        return content


def rows_of(content: Any) -> list[list[Any]]:
    """Rows of cells, the header first where there is one. Raises NodeError.

    A list of objects has a column for each of their keys, in the order in which they come up. A
    text is JSON or CSV.
    """
    value = as_json(content)
    if isinstance(value, str):
        value = _of_csv(value)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise wrong("A table is a list of rows: of objects, or of lists. A text may be CSV.")
    rows = _of_objects(value) if any(isinstance(row, dict) for row in value) else _of_lists(value)
    if sum(map(len, rows)) > MAX_CELLS:
        raise wrong(f"The table has more than {MAX_CELLS:,} cells. Write several files.")
    return rows


def _of_csv(text: str) -> list[Any]:
    if not text.strip():
        return []
    try:
        return csv_value(text, "", header=False)
    except TextUnreadable as error:
        raise wrong(f"The text is no table. {error}") from error


def _of_objects(value: list[Any]) -> list[list[Any]]:
    names: dict[str, None] = {}
    for row in value:
        if not isinstance(row, dict):
            raise wrong("Some rows are objects and some are not. Make all of them objects.")
        names.update(dict.fromkeys(row))
    if len(names) * (len(value) + 1) > MAX_CELLS:
        raise wrong(f"The table has more than {MAX_CELLS:,} cells. Write several files.")
    return [list(names), *([row.get(name) for name in names] for row in value)]


def _of_lists(value: list[Any]) -> list[list[Any]]:
    # A list of plain values is a table of one column.
    return [row if isinstance(row, list) else [row] for row in value]


def shown(cell: Any) -> str:
    """A cell as text: nothing for null, JSON for what is no plain value."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str | int | float):
        return str(cell)
    return json.dumps(cell, ensure_ascii=False)


def is_table(content: Any) -> bool:
    """Whether content is rows, and no text or single value."""
    return isinstance(content, list) and any(isinstance(row, dict | list) for row in content)


def markdown_of(content: Any) -> tuple[str, list[list[str]]]:
    """Content as a Markdown text, or as a table where it is rows; one of the two is empty."""
    if isinstance(content, str):
        return _short(content), []
    if is_table(content):
        return "", texts(rows_of(content))
    if content is None or isinstance(content, bool | int | float):
        return shown(content), []
    return f"```json\n{_short(pretty(content))}\n```", []


def texts(rows: Sequence[Sequence[Any]]) -> list[list[str]]:
    """Rows of texts."""
    return [[shown(cell) for cell in row] for row in rows]


def pretty(value: Any) -> str:
    """JSON to be read: indented, letters as they are."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _short(text: str) -> str:
    if len(text) > MAX_CHARACTERS:
        raise wrong(f"The content is longer than {MAX_CHARACTERS:,} characters. Split it.")
    return text
