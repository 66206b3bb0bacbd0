"""Large values by reference: what is over the inline limit lives once as a blob.

A reference is `{"$blob": sha256, "kind": "text"|"json", "size": bytes, "preview": text}`.
Data from outside that happens to look like one is itself put into a blob, so that nobody can
write a reference by hand; and a reference is only ever looked up within its own workspace.
"""

import hashlib
import json
from typing import Any
from uuid import UUID

from execution.blobs import NewBlob, blob_bytes
from flows.engine.errors import NodeError
from flows.engine.json_values import storable_text
from flows.engine.references import is_reference

JSON = Any
#: Bytes of JSON that may travel through Temporal in one value.
INLINE_LIMIT = 32_768
#: Characters of a large value that its reference shows.
PREVIEW = 200
#: Bytes of one stored value.
BLOB_LIMIT = 100_000_000
_SMALL = 1_024


class Literal(dict[str, Any]):
    """A loaded object that looks like a reference but is data (`is_reference` wants a dict)."""


class Externalizer:
    """Takes large parts out of a value; the blobs taken out are collected in `blobs`.

    `trusted` values come from our own expressions and may pass references on; in values from
    outside, whatever looks like a reference is data. `limit` is in bytes of JSON.
    """

    def __init__(self, *, trusted: bool = False, limit: int = INLINE_LIMIT) -> None:
        self.blobs: list[NewBlob] = []
        self.trusted = trusted
        self.limit = limit

    def shrink(self, value: JSON) -> JSON:
        """The value with everything large replaced; at most `limit` bytes of JSON."""
        return self._shrink(value)[0]

    def refer(self, value: JSON) -> JSON:
        """A reference to the value, whatever its size; without a preview, as many travel."""
        shrunk = self.shrink(value)
        reference = shrunk if is_reference(shrunk) else self._refer(shrunk)
        return {**reference, "preview": ""}

    def shrink_object(self, value: dict[str, JSON], *, whole: bool = True) -> dict[str, JSON]:
        """As `shrink`, keeping the object itself, so that its fields can be named, if possible.

        Thousands of small fields become one reference, unless `whole` is False.
        """
        fields: dict[str, JSON] = {}
        sizes: dict[str, int] = {}
        for name, item in value.items():
            fields[storable_text(name)], sizes[storable_text(name)] = self._shrink(item)
        total = sum(sizes.values())
        for name in sorted(sizes, key=lambda field: -sizes[field]):
            if total <= self.limit or sizes[name] <= _SMALL:
                break
            fields[name] = self._refer(fields[name])
            total += _size_of_reference(fields[name]) - sizes[name]
        if whole and (total > self.limit or "$blob" in value):
            return self._refer(fields)
        return fields

    def _shrink(self, value: JSON) -> tuple[JSON, int]:
        if isinstance(value, str):
            return self._shrink_text(value)
        if isinstance(value, dict):
            return self._shrink_dict(value)
        if isinstance(value, list | tuple):
            return self._shrink_list(value)
        return value, 8

    def _shrink_text(self, text: str) -> tuple[JSON, int]:
        text = storable_text(text)
        size = len(text)
        if not text.isascii():
            size = len(text.encode())
        if size <= self.limit:
            return text, size + 2
        reference = self._refer(text)
        return reference, _size_of_reference(reference)

    def _shrink_dict(self, value: dict[str, JSON]) -> tuple[JSON, int]:
        if self.trusted and is_reference(value):
            return value, _size_of_reference(value)
        items = {storable_text(name): self._shrink(item) for name, item in value.items()}
        small = {name: item for name, (item, _) in items.items()}
        size = sum(len(name) + 4 + bytes_ for name, (_, bytes_) in items.items())
        if size > self.limit or "$blob" in value:
            reference = self._refer(small)
            return reference, _size_of_reference(reference)
        return small, size + 2

    def _shrink_list(self, value: list[JSON] | tuple[JSON, ...]) -> tuple[JSON, int]:
        items = [self._shrink(item) for item in value]
        small = [item for item, _ in items]
        size = sum(bytes_ + 1 for _, bytes_ in items)
        if size > self.limit:
            reference = self._refer(small)
            return reference, _size_of_reference(reference)
        return small, size + 2

    def _refer(self, value: JSON) -> dict[str, JSON]:
        if isinstance(value, str):
            kind, data, preview = "text", value.encode(), value[:PREVIEW]
        else:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            kind, data, preview = "json", text.encode(), text[:PREVIEW]
        if len(data) > BLOB_LIMIT:
            raise NodeError(
                "value_too_large",
                f"A value of {len(data):,} bytes is over the limit of {BLOB_LIMIT:,} bytes. "
                "Have the node return less, or store it elsewhere and pass its address on.",
            )
        digest = hashlib.sha256(kind.encode() + b":" + data).hexdigest()
        self.blobs.append(NewBlob(digest, kind, data))
        return {"$blob": digest, "kind": kind, "size": len(data), "preview": preview}


def _size_of_reference(reference: dict[str, JSON]) -> int:
    return 130 + len(reference["preview"].encode())


def load_reference(workspace_id: UUID | str, reference: dict[str, JSON]) -> JSON:
    """The value behind a reference; one level, parts of it may be references again."""
    kind, data = blob_bytes(workspace_id, str(reference.get("$blob", "")))
    if kind == "text":
        return data.decode()
    value = json.loads(data)
    return Literal(value) if is_reference(value) else value


def resolve_references(workspace_id: UUID | str, value: JSON) -> JSON:
    """The value with every reference replaced by what it stands for."""
    if is_reference(value):
        loaded = load_reference(workspace_id, value)
        if isinstance(loaded, Literal):
            # Its keys are data; large parts of it were taken out like anybody's.
            return {name: resolve_references(workspace_id, item) for name, item in loaded.items()}
        return resolve_references(workspace_id, loaded)
    if isinstance(value, dict):
        return {name: resolve_references(workspace_id, item) for name, item in value.items()}
    if isinstance(value, list):
        return [resolve_references(workspace_id, item) for item in value]
    return value
