"""Rows of cells: as objects by their header, as a table in Markdown, and no more than fit."""

from collections.abc import Sequence
from typing import Any

from flows.engine.errors import NodeError

#: Cells of one table, or of all tables of a document.
MAX_CELLS = 1_000_000


def too_many(what: str) -> NodeError:
    """A document with more than can be read."""
    message = f"The document has more than {what}, which is the limit. Split it."
    return NodeError("file_too_complex", message, field="file")


def as_objects(rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows by the names of the first one: `name`, `name_2` for one more, `column_3` for none."""
    if not rows:
        return []
    width = max(map(len, rows))
    if width * len(rows) > MAX_CELLS:
        raise too_many(f"{MAX_CELLS:,} cells")
    names = _names(rows[0], width)
    return [
        {name: row[place] if place < len(row) else None for place, name in enumerate(names)}
        for row in rows[1:]
    ]


def _names(first: Sequence[Any], width: int) -> list[str]:
    names: dict[str, None] = {}
    for place in range(width):
        written = first[place] if place < len(first) else None
        wanted = " ".join(str(written).split()) if written is not None else ""
        wanted = wanted or f"column_{place + 1}"
        name, number = wanted, 1
        while name in names:
            number += 1
            name = f"{wanted}_{number}"
        names[name] = None
    return list(names)


def as_markdown(rows: Sequence[Sequence[Any]]) -> str:
    """A table whose first row is its header; empty for no rows."""
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = [_line([*row, *[None] * (width - len(row))]) for row in rows]
    return "\n".join([lines[0], _line(["---"] * width), *lines[1:]])


def _line(cells: Sequence[Any]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    return " ".join(text.split()).replace("|", "\\|")
