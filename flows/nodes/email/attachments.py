"""What goes along with a mail: stored files, and texts and bytes that the flow made."""

import base64
import binascii
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from flows.engine.config import NodeConfig, Text
from flows.engine.doors.files import file_id_of
from flows.engine.doors.mail import Attachment
from flows.engine.errors import NodeError
from flows.engine.expressions import text_of
from flows.engine.node_type import Context

MAX_ATTACHMENTS = 20
#: Bytes of one; what a whole mail may have the door decides.
MAX_BYTES = 20_000_000


class AttachmentConfig(NodeConfig):
    """A stored file, or a name and its content."""

    file: Any = Field(
        default=None, title="File", description="A file that is stored; instead of the content."
    )
    name: Text = Field(
        default="",
        title="Name",
        description="As in report.csv; empty: the file's own.",
        max_length=200,
    )
    content: Any = Field(
        default=None, title="Content", description="Text; lists and objects are attached as JSON."
    )
    media_type: Text = Field(
        default="",
        title="Kind of file",
        description="As in text/csv; empty: the file's own, else plain text or bytes.",
        max_length=120,
    )
    encoding: Literal["text", "base64"] = Field(
        default="text", title="Encoding", description="How the content is written."
    )

    @model_validator(mode="before")
    @classmethod
    def _as_handed_on(cls, given: Any) -> Any:
        """What nodes hand on as a file is one here too: `{id, name, …}`."""
        is_file = isinstance(given, dict) and "id" in given and "content" not in given
        return {"file": given} if is_file else given

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.file in (None, "")) == (self.content is None):
            raise ValueError("an attachment needs either a 'file' or a 'content'")
        if self.content is not None and not self.name.strip():
            raise ValueError("an attachment with a 'content' needs a 'name'")
        return self


async def attachment_of(given: AttachmentConfig, place: int, ctx: Context) -> Attachment:
    """Its bytes. Raises NodeError `attachment_invalid` and what `Files.read` does."""
    field = f"attachments[{place}]"
    if given.content is None:
        reference = given.file if file_id_of(given.file) else str(given.file)
        stored, content = await ctx.files.read(
            reference, field=f"{field}.file", max_bytes=MAX_BYTES
        )
        name, kind = given.name.strip() or stored.name, given.media_type.strip()
        return Attachment(_label(name), content, kind or stored.media_type)
    name = _label(given.name)
    content, usual = _made(given, name, f"{field}.content")
    return Attachment(name, content, given.media_type.strip() or usual)


def _label(name: str) -> str:
    """A name is only a label: no way to a folder, and one line."""
    line = " ".join(name.replace("\\", "/").rpartition("/")[2].split())
    return "".join(letter for letter in line if letter.isprintable()) or "attachment"


def _made(given: AttachmentConfig, name: str, field: str) -> tuple[bytes, str]:
    """The bytes of what the flow made, and their usual media type."""
    text = text_of(given.content)
    if given.encoding == "text":
        content, usual = text.encode("utf-8", "replace"), "text/plain"
    else:
        try:
            content = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            message = f"The content of '{name}' is not base64; choose the encoding 'text'."
            raise NodeError("attachment_invalid", message, field=field) from error
        usual = "application/octet-stream"
    if len(content) > MAX_BYTES:
        message = f"'{name}' has more than {MAX_BYTES:,} bytes; send a link instead."
        raise NodeError("attachment_invalid", message, field=field)
    return content, usual
