"""Histories of runs as files: one event in each line, payloads in clear, long texts packed.

What is of no consequence for a replay (who polled, which request) is left out, so that a file says
the same on every machine. Payloads are the plain JSON that the workflow saw: `{"$json": value}`.
"""

import base64
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

from execution.codec import decode_payloads

JSON = Any
#: Texts of so many characters are packed.
LONG = 1_000
_LEFT_OUT = {
    "identity",
    "requestId",
    "taskId",
    "version",
    "workerVersion",
    "searchAttributes",
    "prevAutoResetPoints",
    "workflowExecutionExpirationTime",
}
_PLAIN = base64.b64encode(b"json/plain").decode()


def write(history: WorkflowHistory, path: Path) -> None:
    """Write a history as it came from the server, its payloads encrypted with this copy's keys."""
    events = [json.dumps(_cleared(event), sort_keys=True) for event in _events(history)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(events) + "\n]\n")


def read(path: Path, *, events: int | None = None) -> WorkflowHistory:
    """The history in a file, for a replayer with Temporal's own data converter.

    `events`: only so many from its start, as the server has them of a run in flight.
    """
    found = json.loads(path.read_text())[:events]
    return WorkflowHistory.from_json(path.stem, {"events": [_restored(event) for event in found]})


def _events(history: WorkflowHistory) -> list[JSON]:
    found: list[JSON] = json.loads(history.to_json())["events"]
    return found


def _cleared(value: JSON, field: str = "") -> JSON:
    if isinstance(value, list):
        return [_cleared(item) for item in value]
    if not isinstance(value, dict):
        return value
    if field == "taskQueue" and value.get("kind", "").endswith("STICKY"):
        return {**value, "name": "sticky"}
    if isinstance(value.get("metadata"), dict) and "encoding" in value["metadata"]:
        return _payload_in_clear(value)
    return {
        name: _cleared(inner, name)
        for name, inner in value.items()
        if name not in _LEFT_OUT or field == "metadata"
    }


def _payload_in_clear(payload: dict[str, JSON]) -> dict[str, JSON]:
    (plain,) = decode_payloads([payload])
    if plain["metadata"] == {"encoding": _PLAIN}:
        return {"$json": _packed(json.loads(base64.b64decode(plain["data"])))}
    return plain


def _restored(value: JSON) -> JSON:
    if isinstance(value, list):
        return [_restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"$json"}:
        data = json.dumps(_unpacked(value["$json"]), separators=(",", ":")).encode()
        return {"metadata": {"encoding": _PLAIN}, "data": base64.b64encode(data).decode()}
    return {name: _restored(inner) for name, inner in value.items()}


def _packed(value: JSON) -> JSON:
    match value:
        case str() if len(value) > LONG:
            return {"$zlib": base64.b64encode(zlib.compress(value.encode(), 9)).decode()}
        case list():
            return [_packed(item) for item in value]
        case dict():
            return {name: _packed(inner) for name, inner in value.items()}
    return value


def _unpacked(value: JSON) -> JSON:
    match value:
        case {"$zlib": text}:
            return zlib.decompress(base64.b64decode(text)).decode()
        case list():
            return [_unpacked(item) for item in value]
        case dict():
            return {name: _unpacked(inner) for name, inner in value.items()}
    return value


def files(folder: Path) -> Iterator[Path]:
    """The histories in a folder, by name."""
    yield from sorted(folder.glob("*.json"))
