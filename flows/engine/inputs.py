"""Check and convert what a run was given against the fields of the flow's input node."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flows.engine.expressions.values import kind
from flows.engine.json_parts import WEB
from flows.engine.json_values import read_json, storable_problem
from flows.engine.names import Suggestions

type InputProblem = dict[str, str]

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")
MAX_DIGITS = 400
#: Unknown inputs that are named one by one.
MAX_UNKNOWN = 50


class _Unfit(Exception):
    """A value does not fit; the text says what would."""


def input_fields(document_nodes: Sequence[Any]) -> list[dict[str, Any]]:
    """The raw fields of the input node among a document's nodes; [] when there is none."""
    for node in document_nodes:
        if node.type == "input":
            fields = node.config.get("fields")
            return [f for f in fields if isinstance(f, dict)] if isinstance(fields, list) else []
    return []


def validate_inputs(
    fields: Sequence[Mapping[str, Any]],
    given: Mapping[str, Any],
    *,
    unknown: str = "This flow has no input",
) -> tuple[dict[str, Any], list[InputProblem]]:
    """Values for all fields (defaults filled in, null where optional), and what is wrong.

    Problems are `{path, code, message}` with code missing, wrong_type or unknown. `unknown` are
    the words before the name of what is no field.
    """
    values: dict[str, Any] = {}
    names = [str(field.get("name")) for field in fields]
    problems = _unknown_problems(given, names, unknown)
    for field, name in zip(fields, names, strict=True):
        word = str(field.get("type") or "string")
        value = given.get(name)
        if value is None:
            value = field.get("default")
        if _is_missing(field, word, value):
            message = f"'{name}' is required; give {_WANTED.get(word, 'a value')}."
            problems.append({"path": name, "code": "missing", "message": message})
            continue
        try:
            converted = None if value is None else _CONVERT.get(word, _as_json)(value)
            if problem := storable_problem(converted):
                raise _Unfit(problem)
            values[name] = converted
        except _Unfit as error:
            message = f"'{name}' {error}"
            problems.append({"path": name, "code": "wrong_type", "message": message})
    return values, problems


def _unknown_problems(
    given: Mapping[str, Any], names: Sequence[str], words: str
) -> list[InputProblem]:
    known, suggest = frozenset(names), Suggestions()
    unknown = [name for name in given if name not in known]
    problems = []
    for name in unknown[:MAX_UNKNOWN]:
        message = f"{words} '{name[:60]}'.{suggest(name, names)}"
        problems.append({"path": name[:80], "code": "unknown", "message": message})
    if len(unknown) > MAX_UNKNOWN:
        message = f"{len(unknown) - MAX_UNKNOWN:,} more inputs are unknown. Leave them out."
        problems.append({"path": "", "code": "unknown", "message": message})
    return problems


def _is_missing(field: Mapping[str, Any], word: str, value: Any) -> bool:
    if field.get("required") is not True:
        return False
    return value is None or (word in ("string", "text") and value == "")


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise _Unfit(f"has to be text, but is {kind(value)}.")


def _as_number(value: Any) -> int | float:
    if isinstance(value, str) and 0 < len(value.strip()) <= MAX_DIGITS:
        text = value.strip()
        try:
            value = int(text) if text.lstrip("+-").isdigit() else float(text)
        except ValueError as error:
            raise _Unfit(f"has to be a number, but is '{text[:40]}'.") from error
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _Unfit(f"has to be a number, but is {kind(value)}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise _Unfit("has to be a finite number.")
    return value


def _as_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise _Unfit("has to be true or false.")


def _as_json(value: Any) -> Any:
    # Text of a form field or of the command line may hold the JSON; other text is a JSON value.
    if isinstance(value, str) and value.strip()[:1] in ("{", "["):
        try:
            return read_json(value, WEB)
        except (ValueError, RecursionError) as error:
            raise _Unfit(f"is not valid JSON: {str(error)[:120]}.") from error
    return value


def _as_list(value: Any) -> list[Any]:
    value = _as_json(value)
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return [line for line in value.splitlines() if line.strip()]
    raise _Unfit(f"has to be a list, but is {kind(value)}.")


def _as_file(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and value:
        return {"file": value}
    if isinstance(value, dict) and isinstance(value.get("file"), str):
        return value
    raise _Unfit('has to be a file, like {"file": id}.')


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "string": _as_text,
    "text": _as_text,
    "number": _as_number,
    "boolean": _as_boolean,
    "json": _as_json,
    "list": _as_list,
    "file": _as_file,
}
_WANTED = {
    "string": "text",
    "text": "text",
    "number": "a number",
    "boolean": "true or false",
    "json": "a JSON value",
    "list": "a list",
    "file": 'a file, like {"file": id}',
}
