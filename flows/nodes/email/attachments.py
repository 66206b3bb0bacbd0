"""What goes along with a mail: texts and bytes that the flow made."""

import base64
import binascii
from typing import Any, Literal

from pydantic import Field

from flows.engine.config import NodeConfig, Text
from flows.engine.doors.mail import Attachment
from flows.engine.errors import NodeError
from flows.engine.expressions import text_of

MAX_ATTACHMENTS = 20
#: Bytes of one; what a whole mail may have the door decides.
MAX_BYTES = 20_000_000


class AttachmentConfig(NodeConfig):
    name: Text = Field(title="Name", description="As in report.csv.", min_length=1, max_length=200)
    content: Any = Field(
        title="Content", description="Text; lists and objects are attached as JSON."
    )
    media_type: Text = Field(
        default="",
        title="Kind of file",
        description="As in text/csv; empty: plain text, or bytes.",
        max_length=120,
    )
    encoding: Literal["text", "base64"] = Field(
        default="text",
        title="Encoding",
        description="How the content is written.",
    )


def attachment_of(given: AttachmentConfig, place: int) -> Attachment:
    """Its bytes. Raises NodeError `attachment_invalid`."""
    field = f"attachments[{place}]"
    # A name is only a label: no way to a folder, and one line.
    name = " ".join(given.name.replace("\\", "/").rpartition("/")[2].split())
    name = "".join(character for character in name if character.isprintable()) or "attachment"
    text = text_of(given.content)
    if given.encoding == "text":
        content, usual = text.encode("utf-8", "replace"), "text/plain"
    else:
        try:
            content = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            message = f"The content of '{name}' is not base64; choose the encoding 'text'."
            raise NodeError("attachment_invalid", message, field=f"{field}.content") from error
        usual = "application/octet-stream"
    if len(content) > MAX_BYTES:
        message = f"'{name}' has more than {MAX_BYTES:,} bytes; send a link instead."
        raise NodeError("attachment_invalid", message, field=f"{field}.content")
    return Attachment(name, content, given.media_type.strip() or usual)
