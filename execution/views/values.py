"""Values as pages show them: cut to what a browser takes in at once, large parts by link."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from execution.payloads import load_reference
from flows.engine.references import is_reference

JSON = Any
#: Characters of one value that a page shows; the rest is behind "open full".
WINDOW = 65_536
#: Files of one value that are shown as links.
MOST_FILES = 100


@dataclass(frozen=True)
class Large:
    """A part of a value that is stored by reference."""

    path: str
    digest: str
    kind: str
    size: int
    preview: str


@dataclass(frozen=True)
class FileLink:
    """A file that a value holds, to be downloaded."""

    id: UUID
    name: str
    size: int


@dataclass(frozen=True)
class ShownValue:
    """A value for a template. `kind` is text, fields, files, json, large or empty.

    `fields` are (name, ShownValue) of a small object of texts; `files` are links to download, all
    that is shown or, of JSON, beside it;
    `large` are the parts that are only linked; `cut` says that `text` is not all of it.
    """

    kind: str
    text: str = ""
    fields: tuple[tuple[str, "ShownValue"], ...] = ()
    files: tuple[FileLink, ...] = ()
    large: tuple[Large, ...] = ()
    cut: bool = False


def shown_value(value: JSON) -> ShownValue:
    """A value as people read it: text as text, a few named texts as fields, the rest as JSON."""
    if value is None or value in ({}, [], ""):
        return ShownValue("empty")
    if is_reference(value):
        return ShownValue("large", text=str(value.get("preview", "")), large=_large_parts(value))
    if isinstance(value, bool | int | float):
        return ShownValue("text", text=json.dumps(value))
    if isinstance(value, str):
        return ShownValue("text", text=value[:WINDOW], cut=len(value) > WINDOW)
    if files := _files(value):
        return ShownValue("files", files=files)
    if isinstance(value, dict) and 0 < len(value) <= 12 and all(map(_is_plain, value.values())):
        fields = tuple((name, shown_value(item)) for name, item in value.items())
        return ShownValue("fields", fields=fields)
    return shown_json(value)


def _is_plain(value: JSON) -> bool:
    scalar = isinstance(value, str | int | float | bool) or value is None
    return scalar or is_reference(value) or bool(_files(value))


def _files(value: JSON) -> tuple[FileLink, ...]:
    """The links of a value that is a file as nodes hand it on, or a list of such; else empty."""
    entries = value if isinstance(value, list) else [value]
    if not 0 < len(entries) <= MOST_FILES:
        return ()
    found = [_file(entry) for entry in entries]
    links = tuple(link for link in found if link is not None)
    return links if len(links) == len(found) else ()


def _file(value: JSON) -> FileLink | None:
    if not isinstance(value, dict) or not {"id", "name", "size", "url"} <= value.keys():
        return None
    name, size, url = value["name"], value["size"], value["url"]
    try:
        file_id = UUID(value["id"])
    except (ValueError, TypeError, AttributeError):
        return None
    fits = isinstance(name, str) and isinstance(size, int) and isinstance(url, str)
    # The link goes to the file of that id, wherever the address leads.
    return FileLink(file_id, name, size) if fits and f"/files/{file_id}/" in url else None


def shown_json(value: JSON) -> ShownValue:
    """A value as indented JSON, cut to the window; parts by reference show their beginning."""
    text = json.dumps(with_previews(value), ensure_ascii=False, indent=2)
    return ShownValue(
        "json",
        text=text[:WINDOW],
        files=tuple(islice(_files_within(value), MOST_FILES)),
        large=_large_parts(value),
        cut=len(text) > WINDOW,
    )


def _files_within(value: JSON) -> Iterator[FileLink]:
    """The files anywhere in a value, as they come."""
    if link := _file(value):
        yield link
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _files_within(item)


def with_previews(value: JSON) -> JSON:
    """The value with the beginnings of what is stored by reference."""
    if is_reference(value):
        return f"{value.get('preview', '')}… ({value.get('size', 0):,} bytes in all)"
    if isinstance(value, dict):
        return {name: with_previews(item) for name, item in value.items()}
    if isinstance(value, list):
        return [with_previews(item) for item in value]
    return value


def _large_parts(value: JSON) -> tuple[Large, ...]:
    return tuple(_walk(value, ""))


def _walk(value: JSON, path: str) -> Iterator[Large]:
    if is_reference(value):
        yield Large(
            path or "value",
            value["$blob"],
            value["kind"],
            int(value.get("size", 0)),
            str(value.get("preview", "")),
        )
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _walk(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]")


def resolved_within(workspace_id: UUID, value: JSON, limit: int) -> JSON:
    """The value itself where it is a reference to at most `limit` bytes, else as it is."""
    if is_reference(value) and int(value.get("size", 0)) <= limit:
        return load_reference(workspace_id, value)
    return value
