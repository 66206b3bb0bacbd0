"""One level of a value at a time, as the editor's data panes show it: few children, short texts."""

import json
from collections.abc import Mapping
from typing import Any

from execution.heads import Head
from flows.engine.references import is_reference

JSON = Any
#: Children of one level, and rows of a table, that are sent at once.
MOST_CHILDREN = 200
#: Characters of a value in a list, and of a whole text.
MOST_PREVIEW = 200
MOST_TEXT = 65_536
MOST_COLUMNS = 30


def kind_of(value: JSON) -> str:
    """A value's type in a reader's words; of a reference that of what it stands for."""
    if is_reference(value):
        if value["kind"] == "text":
            return "text"
        return "list" if str(value.get("preview", "")).startswith("[") else "object"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    if value is None:
        return "null"
    return "list" if isinstance(value, list) else "object"


def preview_of(value: JSON, longest: int = MOST_PREVIEW) -> str:
    """The beginning of a value in one line; nothing is loaded, and little of it looked at."""
    if is_reference(value):
        return f"{str(value.get('preview', ''))[: longest - 1]}…"
    if isinstance(value, str):
        return value if len(value) <= longest else f"{value[: longest - 1]}…"
    if isinstance(value, list):
        value = [_short(item) for item in value[:longest]]
    elif isinstance(value, Mapping):
        value = {name: _short(value[name]) for name in list(value)[:longest]}
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _short(value: JSON) -> JSON:
    if is_reference(value) or isinstance(value, list | dict):
        return "…" if value else value
    return value[:MOST_PREVIEW] if isinstance(value, str) else value


def child_of(key: str | int, value: JSON) -> dict[str, JSON]:
    """One line of a tree."""
    child = {"key": key, "type": kind_of(value), "preview": preview_of(value)}
    if is_reference(value):
        return {**child, "size": int(value.get("size", 0)), "opens": True}
    if isinstance(value, list | dict):
        return {**child, "count": len(value), "opens": bool(value)}
    return {**child, "opens": isinstance(value, str) and len(value) > MOST_PREVIEW}


def level_of(head: Head, offset: int = 0) -> dict[str, JSON]:
    """The children of a value, from `offset` on; of a text its beginning.

    `whole` is false where only the beginning of a large value was read: then `count` is what there
    is in it.
    """
    value = head.value
    level: dict[str, JSON] = {"type": kind_of(value), "size": head.size, "whole": head.whole}
    if isinstance(value, list):
        pairs: list[tuple[str | int, JSON]] = list(enumerate(value))
    elif isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        return {**level, **text_of(head), "count": 0, "children": [], "offset": 0, "more": False}
    shown = pairs[offset : offset + MOST_CHILDREN]
    return {
        **level,
        "count": len(pairs),
        "children": [child_of(key, item) for key, item in shown],
        "offset": offset,
        "more": offset + MOST_CHILDREN < len(pairs),
    }


def text_of(head: Head) -> dict[str, JSON]:
    """A value as text, cut: `text` and whether it is `cut`."""
    if isinstance(head.value, str):
        text = head.value
    else:
        text = json.dumps(_cut(head.value), ensure_ascii=False, indent=2)
    return {"text": text[:MOST_TEXT], "cut": len(text) > MOST_TEXT or not head.whole}


def _cut(value: JSON, depth: int = 0) -> JSON:
    """A value with large parts by their beginning, and no more of it than a text may show."""
    if is_reference(value):
        return preview_of(value)
    if isinstance(value, str):
        return value[:MOST_TEXT]
    if depth > 50:
        return preview_of(value)
    if isinstance(value, list):
        return [_cut(item, depth + 1) for item in value[:5_000]]
    if isinstance(value, Mapping):
        return {name: _cut(value[name], depth + 1) for name in list(value)[:5_000]}
    return value


def table_of(head: Head, offset: int = 0) -> dict[str, JSON]:
    """A value as a table: a list of objects by its keys, an object by its fields.

    `columns` are names, `rows` lists of short texts; `count` rows are there in all.
    """
    value = head.value
    if isinstance(value, Mapping):
        entries = [{"field": name, "value": item} for name, item in value.items()]
        columns = ["field", "value"]
    elif isinstance(value, list):
        entries = [item if isinstance(item, dict) else {"value": item} for item in value]
        columns = list(dict.fromkeys(name for item in entries[:MOST_CHILDREN] for name in item))
    else:
        entries, columns = [{"value": value}], ["value"]
    columns = columns[:MOST_COLUMNS]
    shown = entries[offset : offset + MOST_CHILDREN]
    return {
        "columns": columns,
        "rows": [[_cell(entry, column) for column in columns] for entry in shown],
        "count": len(entries),
        "offset": offset,
        "more": offset + MOST_CHILDREN < len(entries),
        "whole": head.whole,
        "size": head.size,
    }


def _cell(entry: Mapping[str, JSON], column: str) -> str:
    return preview_of(entry[column]) if column in entry else ""
