"""Find the JSON in a model's answer: alone, in a code fence, or after some words."""

import json
import re
from typing import Any

from flows.engine.json_parts import ROOMY, TooManyParts, check_parts
from flows.engine.json_values import cleaned, read_json

_FENCE = "```"
_LANGUAGE = re.compile(r"[a-zA-Z]*")
#: Places where JSON may begin that are tried; models rarely need the second.
MAX_TRIES = 20


class AnswerUnreadable(Exception):
    """The answer holds no JSON that can be used; the text says why."""


def json_of(text: str) -> Any:
    """The value in an answer. Raises AnswerUnreadable."""
    text = text.strip()
    if not text:
        raise AnswerUnreadable("It is empty; JSON was asked for.")
    first_error = ""
    try:
        check_parts(text, ROOMY)
    except TooManyParts as error:
        raise AnswerUnreadable(f"It is too large: {error}.") from error
    for candidate in (text, _fenced(text)):
        if candidate:
            try:
                return read_json(candidate)
            except (ValueError, RecursionError) as error:
                first_error = first_error or str(error)[:200]
    found, value = _embedded(text)
    if found:
        return value
    raise AnswerUnreadable(f"It is not JSON ({first_error}).")


def _fenced(text: str) -> str:
    """What stands in the first code fence; empty when there is none. One pass over the text."""
    start = text.find(_FENCE)
    if start < 0:
        return ""
    language = _LANGUAGE.match(text, start + len(_FENCE))
    start = language.end() if language else start
    end = text.find(_FENCE, start)
    return text[start:end].strip() if end >= 0 else ""


def _embedded(text: str) -> tuple[bool, Any]:
    decoder = json.JSONDecoder()
    for tries, match in enumerate(re.finditer(r"[{\[]", text)):
        if tries >= MAX_TRIES:
            break
        try:
            value, _ = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        # Brackets in prose, as in "[1]", are no answer; an object is.
        if isinstance(value, dict) or (isinstance(value, list) and len(value) != 1):
            return True, cleaned(value)
    return False, None
