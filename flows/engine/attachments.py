"""Files that go along with a prompt, as parts of a model's message."""

import base64
from collections.abc import Sequence
from typing import Any

from flows.engine.charsets import decoded
from flows.engine.errors import NodeError
from flows.engine.heavy import compute
from flows.engine.node_type import Context

JSON = Any
#: Files of one prompt, and their bytes together; providers take about as much.
MAX_FILES = 20
MAX_BYTES = 20_000_000
#: Pictures that every provider with eyes reads.
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_TEXTS = ("text/", "application/json", "application/xml", "application/yaml", "application/csv")


async def content_of(prompt: str, attachments: Sequence[JSON], ctx: Context) -> JSON:
    """The content of a user's message: the prompt, behind the files if there are any.

    Raises NodeError: those of reading files, attachment_unfit and attachments_too_large.
    """
    if not attachments:
        return prompt
    parts: list[dict[str, str]] = []
    left = MAX_BYTES
    for reference in attachments:
        file, content = await ctx.files.read(reference, field="attachments", max_bytes=MAX_BYTES)
        left -= len(content)
        if left < 0:
            message = f"The attachments have more than {MAX_BYTES:,} bytes together; send fewer."
            raise NodeError("attachments_too_large", message, field="attachments")
        parts.append(await compute(len(content), _part, file.name, file.media_type, content))
    return [*parts, {"type": "text", "text": prompt}]


def _part(name: str, media_type: str, content: bytes) -> dict[str, str]:
    kind = media_type.partition(";")[0]
    if kind.startswith(_TEXTS):
        # Models are told texts in one encoding, whichever the file is in.
        content, kind = decoded(content, media_type).encode("utf-8", "replace"), "text/plain"
    elif kind not in IMAGES and kind != "application/pdf":
        message = (
            f"'{name}' ({kind}) is no picture (PNG, JPEG, GIF, WebP), PDF or text, so models "
            "cannot read it. Read it with a file_read node, and put its text into the prompt."
        )
        raise NodeError("attachment_unfit", message, field="attachments")
    data = base64.b64encode(content).decode()
    return {"type": "file", "name": name, "media_type": kind, "data": data}
