"""Reads the parts of a conversation that every provider writes in its own way."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.engine.errors import NodeError
from flows.engine.json_values import read_json
from flows.engine.node_type import ToolCall

JSON = Any
PDF = "application/pdf"


@dataclass(frozen=True)
class FilePart:
    """A file that goes along with a question; `data` is base64."""

    name: str
    media_type: str
    data: str

    @property
    def is_image(self) -> bool:
        return self.media_type.startswith("image/")

    @property
    def is_pdf(self) -> bool:
        return self.media_type == PDF

    @property
    def address(self) -> str:
        """The file as a data URL."""
        return f"data:{self.media_type};base64,{self.data}"

    def text(self) -> str:
        """What a text file says. Raises NodeError for one that is none."""
        try:
            return base64.b64decode(self.data).decode("utf-8")
        except ValueError as error:
            message = (
                f"'{self.name}' ({self.media_type}) is neither an image nor a PDF nor text, so no "
                "model can read it. Read it with a file_read node, and put its text in the prompt."
            )
            raise NodeError("attachment_unfit", message, field="attachments") from error

    def as_text(self) -> str:
        """A text file as it stands in a prompt of models that know no files."""
        return f"<file name={json.dumps(self.name)}>\n{self.text()}\n</file>"


def parts_of(content: JSON) -> Iterator[str | FilePart]:
    """The parts of a user's message: texts and files."""
    if isinstance(content, str):
        yield content
        return
    for part in content:
        if part["type"] == "text":
            yield part["text"]
        else:
            yield FilePart(part["name"], part["media_type"], part["data"])


def said_by(message: Mapping[str, JSON], provider: str, model: str) -> JSON:
    """The assistant's message as this very model gave it; None where it was another's."""
    return message.get("said") if message.get("model") == f"{provider}/{model}" else None


def tool_call(id: str, name: str, arguments: str) -> ToolCall:
    """A call out of the text that a model wrote as its arguments; no text: no arguments."""
    try:
        read = read_json(arguments) if arguments.strip() else {}
    except (ValueError, RecursionError):
        read = None
    return ToolCall(id, name, read if isinstance(read, dict) else None)
