"""The stored files that a body names, read so that they can be sent."""

from collections.abc import Mapping
from typing import Any

from flows.engine.doors.files import Files
from flows.engine.errors import NodeError
from flows.engine.web_multipart import FileContent

JSON = Any
#: Bytes of all files that one request sends.
MAX_FILES = 50_000_000
#: What an object that nodes hand on as a file has.
_OF_FILES = frozenset({"id", "name", "media_type", "size"})


async def read_files(body: JSON, body_type: str, files: Files) -> JSON:
    """The body with files in place of what names them: all of it, or fields of a form.

    Raises NodeError naming `body`.
    """
    room = _Room(files)
    if body_type == "file" and body is not None:
        return await room.read(body)
    if body_type != "multipart" or not isinstance(body, dict):
        return body
    return {name: await _read(value, room) for name, value in body.items()}


async def _read(value: JSON, room: "_Room") -> JSON:
    if isinstance(value, list):
        return [await _read(item, room) for item in value]
    return await room.read(value) if is_file(value) else value


def is_file(value: JSON) -> bool:
    """Whether a value names a stored file: `{"file": id}`, or what a node hands on as one."""
    return isinstance(value, Mapping) and ("file" in value or set(value) >= _OF_FILES)


class _Room:
    """Reads the files of one request, as much as it may send."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._left = MAX_FILES

    async def read(self, reference: JSON) -> FileContent:
        try:
            file, content = await self._files.read(reference, field="body", max_bytes=self._left)
        except NodeError as error:
            if error.code == "file_too_large":
                error.message += f" All files of a request may have {MAX_FILES:,} bytes."
            raise
        self._left -= len(content)
        return FileContent(file.name, file.media_type, content)
