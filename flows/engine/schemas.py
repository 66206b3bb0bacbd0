"""Check values against JSON Schemas that users wrote, without network, pattern bombs or loops."""

import json
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any

MAX_SCHEMA_CHARACTERS = 100_000
#: `$ref` steps in one check: schemas that refer to themselves twice would double without end.
MAX_REFERENCES = 5_000
_references_left: ContextVar[int] = ContextVar("_references_left")
_REFUSED_KEYS = ("patternProperties", "$dynamicRef", "$recursiveRef")


class SchemaInvalid(Exception):
    """A schema that cannot be used; the text says why."""


class _TooMuch(Exception):
    """A check took too many steps."""


@cache
def _validator_class() -> Any:
    # Imported when first needed: it costs a tenth of a second, and most flows need no schema.
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    follow = Draft202012Validator.VALIDATORS["$ref"]

    def counted(validator: Any, ref: Any, instance: Any, schema: Any) -> Iterator[Any]:
        left = _references_left.get() - 1
        if left < 0:
            raise _TooMuch
        _references_left.set(left)
        yield from follow(validator, ref, instance, schema) or ()

    def unchecked(*_: Any) -> tuple[()]:
        # A pattern can take for ever on a chosen text; the model is told of it all the same.
        return ()

    return extend(
        Draft202012Validator, {"$ref": counted, "pattern": unchecked, "uniqueItems": _unique}
    )


def _unique(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """Each item once. The library compares objects pair by pair: 1,500 take it two seconds."""
    from jsonschema.exceptions import ValidationError

    if not wanted or not isinstance(instance, list):
        return
    seen = {json.dumps(_numbers_alike(item), sort_keys=True) for item in instance}
    if len(seen) < len(instance):
        yield ValidationError("holds the same item twice")


def _numbers_alike(value: Any) -> Any:
    """JSON Schema takes 1 and 1.0 for the same, but 1 and true for two."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _numbers_alike(item) for key, item in value.items()}
    return [_numbers_alike(item) for item in value] if isinstance(value, list) else value


def _keys(value: Any) -> Iterator[str]:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            yield from item
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)


def check_schema(schema: Mapping[str, Any]) -> str | None:
    """What is wrong with a schema, as a sentence; None when it can be used."""
    from jsonschema.exceptions import SchemaError

    if len(json.dumps(schema)) > MAX_SCHEMA_CHARACTERS:
        return f"The schema is longer than {MAX_SCHEMA_CHARACTERS:,} characters; shorten it."
    for key in _keys(schema):
        if key in _REFUSED_KEYS:
            return f"'{key}' is not available in a schema; remove it."
    try:
        _validator_class().check_schema(schema)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path)
        return f"Not a JSON Schema: {error.message[:200]}{f' (at {place})' if place else ''}."
    except RecursionError:
        return "The schema is nested too deeply; flatten it."
    return None


def mismatches(schema: Mapping[str, Any], value: Any, limit: int = 5) -> list[str]:
    """How a value differs from a schema, as sentences; [] when it fits. Raises SchemaInvalid."""
    from jsonschema.exceptions import ValidationError
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    _references_left.set(MAX_REFERENCES)
    # An empty registry: a reference to another document is refused, never fetched.
    validator = _validator_class()(schema, registry=Registry())
    found: list[str] = []
    try:
        error: ValidationError
        for error in validator.iter_errors(value):
            place = error.json_path.removeprefix("$").removeprefix(".")
            found.append(f"{place or 'the answer'}: {error.message[:300]}")
            if len(found) >= limit:
                break
    except Unresolvable as error_:
        raise SchemaInvalid(
            f"'$ref' names {str(error_.ref)[:100]}, which is not there."
        ) from error_
    except (_TooMuch, RecursionError) as error_:
        raise SchemaInvalid("The schema refers to itself without end.") from error_
    return found
