"""Pictures and sound of the scripted model server, over the endpoints of OpenAI's API."""

import base64
import json
import re
from typing import Any

from tests.support.model_questions import Question

MEDIA = frozenset({"/v1/images/generations", "/v1/audio/transcriptions", "/v1/audio/speech"})
#: One transparent pixel.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SOUND = b"ID3\x04" + b"\0" * 60
_FIELD = re.compile(
    rb'name="(\w+)"(?:; filename="([^"]*)")?\r\n(?:[^\r]+\r\n)*\r\n(.*?)\r\n--', re.S
)


def read_media(path: str, headers: dict[str, str], body: bytes) -> Question:
    """What was asked: JSON, or a form with a file."""
    if headers.get("content-type", "").startswith("multipart/"):
        fields: dict[str, Any] = {}
        for name, filename, value in _FIELD.findall(body):
            fields[name.decode()] = filename.decode() if filename else value.decode()
    else:
        fields = json.loads(body)
    said = str(fields.get("prompt") or fields.get("input") or fields.get("file") or "")
    return Question(fields["model"], said, said, False, None, False, fields)


def billed_for(path: str, asked: Question) -> tuple[int, int]:
    """Tokens of a good answer; of speech its API tells none."""
    return (0, 0) if path == "/v1/audio/speech" else (len(asked.prompt.split()), 11)


def answer_media(path: str, asked: Question) -> tuple[str, bytes]:
    """Content type and body of a good answer."""
    usage = dict(zip(("input_tokens", "output_tokens"), billed_for(path, asked), strict=True))
    if path == "/v1/images/generations":
        data = [{"b64_json": base64.b64encode(PIXEL).decode()}]
        return "application/json", json.dumps({"data": data, "usage": usage}).encode()
    if path == "/v1/audio/transcriptions":
        text = f"heard {asked.body['file']} {{{{ 1+1 }}}}"
        return "application/json", json.dumps({"text": text, "usage": usage}).encode()
    return "audio/mpeg", SOUND
