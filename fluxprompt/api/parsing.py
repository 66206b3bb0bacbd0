"""Request bodies: strict JSON that says where it is wrong, and YAML handed on as text."""

import json
import math
import re
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.parsers import BaseParser

from flows.engine.json_parts import WEB, TooManyParts, check_parts
from flows.storable import MAX_DEPTH, unstorable
from fluxprompt.api.problems import RequestRefused, body_too_large, refuse

YAML = "application/yaml"
#: Escapes that may hide NUL or half a surrogate pair; only then every string is looked at.
_SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def read_json(raw: bytes) -> Any:
    """The JSON value of a body; refuses with 400 and the place of the fault."""
    text = read_text(raw)
    try:
        check_parts(text, WEB)
    except TooManyParts as error:
        message = f"The body is too large: {error}. Send less, or as a text."
        raise refuse(413, "too_many_values", message, "") from None
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise refuse(
            400,
            "malformed_json",
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            "",
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        # CPython refuses to convert integers beyond 4,300 digits.
        raise refuse(
            400, "malformed_json", "The body holds a number that is too long.", ""
        ) from None
    if _SUSPICIOUS.search(text) or text.count("[") + text.count("{") > MAX_DEPTH:
        _check(value)
    return value


def _check(value: Any) -> None:
    if found := unstorable(value):
        path, reason = found
        raise refuse(400, "unstorable_value", f"{path[:200] or 'The body'} {reason}.", path[:200])


def _too_deep() -> RequestRefused:
    return refuse(
        400, "unstorable_value", f"The body is nested more than {MAX_DEPTH} levels deep.", ""
    )


def _refuse_constant(name: str) -> NoReturn:
    raise refuse(400, "malformed_json", f"{name} is not JSON. Send null or a string instead.", "")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise refuse(400, "malformed_json", f"The number {digits[:40]} is out of range.", "")
    return number


def read_text(raw: bytes) -> str:
    """UTF-8 text, a leading byte order mark left out."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(
            400, "malformed_text", f"The body is not UTF-8: byte {error.start} cannot be read.", ""
        ) from None


def _body(parser_context: dict[str, Any] | None) -> bytes:
    assert parser_context is not None
    # `HttpRequest.body` holds the size limit where the length is announced.
    raw: bytes = parser_context["request"]._request.body
    if len(raw) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise RequestRefused(body_too_large())
    return raw


class StrictJSONParser(BaseParser):
    """JSON by RFC 8259 without NaN and Infinity, with limits on depth."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Any = None,
    ) -> Any:
        return read_json(_body(parser_context))


class YamlText(str):
    """A YAML body, not parsed: the engine reads it with its own safe loader."""


class YamlParser(BaseParser):
    """Hands YAML on as text."""

    media_type = YAML

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Any = None,
    ) -> Any:
        return YamlText(read_text(_body(parser_context)))


class XYamlParser(YamlParser):
    media_type = "application/x-yaml"


class TextYamlParser(YamlParser):
    media_type = "text/yaml"


class TextXYamlParser(YamlParser):
    media_type = "text/x-yaml"


YAML_PARSERS = (YamlParser, XYamlParser, TextYamlParser, TextXYamlParser)
DOCUMENT_PARSERS = (StrictJSONParser, *YAML_PARSERS)
