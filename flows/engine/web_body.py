"""The body of a request, in the form that its type says."""

import json
from typing import Any, Literal
from urllib.parse import urlencode

from flows.engine.errors import NodeError
from flows.engine.expressions import text_of
from flows.engine.web_multipart import FileContent, bytes_of, multipart

JSON = Any
type BodyType = Literal["json", "form", "multipart", "text", "base64", "file", "none"]


def body_of(body: Any, body_type: BodyType) -> tuple[bytes | None, str | None]:
    """The bytes to send and their content type. Raises NodeError `config_invalid`.

    `body` is JSON, with a FileContent in place of each file (`flows.engine.web_files`).
    """
    if body is None or body_type == "none":
        return None, None
    match body_type:
        case "json":
            data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
            return data, "application/json"
        case "text":
            return text_of(body).encode("utf-8", "replace"), "text/plain; charset=utf-8"
        case "base64":
            return bytes_of(body, "body"), "application/octet-stream"
    if isinstance(body, FileContent):
        return body.content, body.sent_type
    if not isinstance(body, dict):
        message = "A form's body has to be an object of fields and values."
        raise NodeError("config_invalid", message, field="body")
    if body_type == "multipart":
        return multipart(body)
    fields = {
        name: [text_of(item) for item in value] if isinstance(value, list) else text_of(value)
        for name, value in body.items()
    }
    return urlencode(fields, doseq=True).encode(), "application/x-www-form-urlencoded"
