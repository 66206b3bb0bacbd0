"""The beginning of large values: enough to look at, read without loading all of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from execution.blobs import PART
from execution.models import Blob, BlobPart
from execution.payloads import load_reference
from flows.engine.errors import NodeError
from flows.engine.references import is_reference

JSON = Any
#: Bytes of a stored value that are read whole to be looked at.
WHOLE = 2_000_000
#: Parts (of 256 KB) that are read of a larger one.
PARTS = 4
_SPACE = " \t\r\n"


@dataclass(frozen=True)
class Head:
    """A value, or what its beginning holds; `whole` tells which. `size` is in bytes, 0: not known.

    Of a list or an object there are the entries that are complete in the beginning.
    """

    value: JSON
    whole: bool = True
    size: int = 0


def head_of(workspace_id: UUID, value: JSON) -> Head:
    """A value itself, or the beginning of what a reference stands for. Raises NodeError."""
    if not is_reference(value):
        return Head(value)
    size = int(value.get("size", 0))
    if size <= WHOLE:
        return Head(load_reference(workspace_id, value), size=size)
    kind, beginning = _beginning(workspace_id, str(value["$blob"]))
    if kind == "text":
        return Head(beginning, whole=False, size=size)
    return Head(_entries(beginning), whole=False, size=size)


def _beginning(workspace_id: UUID, digest: str) -> tuple[str, str]:
    """Kind and the first megabyte of a blob as text."""
    row = Blob.objects.filter(workspace_id=workspace_id, digest=digest).first()
    if row is None:
        raise NodeError(
            "value_missing", "This value is no longer stored. Run the flow again to see it."
        )
    parts = BlobPart.objects.filter(blob_id=row.id, number__lt=PARTS).order_by("number")
    data = b"".join(map(bytes, parts.values_list("data", flat=True)))
    assert len(data) <= PARTS * PART
    # The end may cut a character in two.
    return row.kind, data.decode(errors="ignore")


def _entries(text: str) -> JSON:
    """The complete entries at the beginning of a JSON list or object; else the text itself."""
    if text[:1] == "[":
        return _items(text)
    return _members(text) if text[:1] == "{" else text


_decoder = json.JSONDecoder()


def _items(text: str) -> list[JSON]:
    items: list[JSON] = []
    at = 1
    while True:
        try:
            item, end = _decoder.raw_decode(text, _skip(text, at))
        except (ValueError, RecursionError):
            return items
        end = _skip(text, end)
        # A number at the very end may go on in what was not read.
        if text[end : end + 1] not in (",", "]"):
            return items
        items.append(item)
        at = end + 1


def _members(text: str) -> dict[str, JSON]:
    members: dict[str, JSON] = {}
    at = 1
    while True:
        try:
            name, end = _decoder.raw_decode(text, _skip(text, at))
            item, end = _decoder.raw_decode(text, _skip(text, _skip(text, end) + 1))
        except (ValueError, RecursionError):
            return members
        end = _skip(text, end)
        if not isinstance(name, str) or text[end : end + 1] not in (",", "}"):
            return members
        members[name] = item
        at = end + 1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


class NotThere(Exception):
    """A path leads to no value, or beyond what is read of a large one."""


def at_path(workspace_id: UUID, value: JSON, path: list[str | int]) -> Head:
    """What is at a path in a value. Raises NotThere; NodeError."""
    head = head_of(workspace_id, value)
    for step in path:
        inner = head.value
        if isinstance(inner, Mapping) and str(step) in inner:
            head = head_of(workspace_id, inner[str(step)])
        elif isinstance(inner, list) and isinstance(step, int) and 0 <= step < len(inner):
            head = head_of(workspace_id, inner[step])
        else:
            raise NotThere
    return head
