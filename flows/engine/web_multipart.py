"""A form with files as the body of a request: multipart/form-data (RFC 7578)."""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from flows.engine.errors import NodeError
from flows.engine.expressions import text_of

JSON = Any
#: Keys of an object that is sent as a file; other objects are sent as JSON text.
_FILE_KEYS = frozenset({"name", "content", "content_base64", "media_type"})
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(; ?[\w-]+=[\w!#$&^.+-]+)*", re.ASCII)
#: Forms quote these in names as browsers do (HTML, "multipart form data").
_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True)
class FileContent:
    """A file that is sent."""

    name: str
    media_type: str
    content: bytes

    @property
    def sent_type(self) -> str:
        """Its media type, where that can stand in a header."""
        known = _MEDIA_TYPE.fullmatch(self.media_type)
        return self.media_type if known else "application/octet-stream"


@dataclass(frozen=True)
class Part:
    """One part of a form; a file where it has a `file_name`."""

    name: str
    content: bytes
    file_name: str | None = None
    media_type: str = ""

    @property
    def head(self) -> bytes:
        named = f'form-data; name="{_quoted(self.name)}"'
        if self.file_name is not None:
            named += f'; filename="{_quoted(self.file_name)}"'
        lines = [f"Content-Disposition: {named}"]
        if self.media_type:
            lines.append(f"Content-Type: {self.media_type}")
        return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n"


def multipart(fields: Mapping[str, Any]) -> tuple[bytes, str]:
    """The body and its content type; a list repeats its name, null is left out.

    A value is JSON, or a FileContent. Raises NodeError.
    """
    parts = [part for name, value in fields.items() for part in _parts(name, value)]
    boundary = _boundary(parts)
    line = b"--" + boundary.encode()
    pieces = [
        piece for part in parts for piece in (line, b"\r\n", part.head, part.content, b"\r\n")
    ]
    return b"".join([*pieces, line, b"--\r\n"]), f"multipart/form-data; boundary={boundary}"


def _boundary(parts: list[Part]) -> str:
    """A line that stands in no part: it depends on every byte of them, and on no chance."""
    digest = sha256()
    for part in parts:
        for piece in (part.head, part.content):
            digest.update(len(piece).to_bytes(8, "big"))
            digest.update(piece)
    return digest.hexdigest()[:48]


def _parts(name: str, value: JSON) -> Iterator[Part]:
    if isinstance(value, list):
        for item in value:
            yield from _parts(name, item)
    elif isinstance(value, FileContent):
        yield Part(name, value.content, value.name, value.sent_type)
    elif isinstance(value, dict) and ("content" in value or "content_base64" in value):
        yield _written_file(name, value)
    elif value is not None:
        yield Part(name, text_of(value).encode("utf-8", "replace"))


def _written_file(name: str, value: Mapping[str, JSON]) -> Part:
    """A file whose content the settings hold, as text or in base64."""
    if unknown := sorted(set(value) - _FILE_KEYS):
        raise _unfit(
            name,
            f"a file has no '{unknown[0][:40]}', only name, content (or content_base64) and "
            "media_type. To send an object as text, write it with | json.",
        )
    if "content" in value and "content_base64" in value:
        raise _unfit(name, "a file has content or content_base64, not both.")
    as_text = "content" in value
    kind = text_of(value.get("media_type")) or (
        "text/plain; charset=utf-8" if as_text else "application/octet-stream"
    )
    if not _MEDIA_TYPE.fullmatch(kind):
        raise _unfit(name, f"'{kind[:60]}' is no media type; write one like image/png.")
    if as_text:
        content = text_of(value["content"]).encode("utf-8", "replace")
    else:
        content = bytes_of(value["content_base64"], f"body.{name}")
    return Part(name, content, text_of(value.get("name")) or name, kind)


def bytes_of(value: JSON, field: str) -> bytes:
    """The bytes that a base64 text stands for, the web's form of it too. Raises NodeError."""
    text = re.sub(r"\s+", "", text_of(value)).translate(str.maketrans("-_", "+/"))
    try:
        return b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (NotBase64, ValueError) as error:
        message = f"'{field[:80]}' is no base64. Write bytes in base64, or send text."
        raise NodeError("config_invalid", message, field="body") from error


def _quoted(name: str) -> str:
    return name.translate(_QUOTED).replace("\0", "%00")


def _unfit(name: str, problem: str) -> NodeError:
    return NodeError("config_invalid", f"'body.{name[:60]}': {problem}", field="body")
