"""JSON Schemas for providers that take a part of the language only."""

from collections.abc import Mapping
from typing import Any

JSON = Any
#: As in the guide to structured outputs; what is not named here, strict mode refuses.
_WORDS = frozenset(
    {
        "$defs",
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "definitions",
        "description",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "multipleOf",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
    }
)
_DEEPEST = 10


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether strict mode takes it: closed objects, all properties required, object at the top."""
    return schema.get("type") == "object" and "anyOf" not in schema and _strict(schema, 0)


def _strict(schema: Any, depth: int) -> bool:
    if not isinstance(schema, Mapping) or depth > _DEEPEST or not _WORDS.issuperset(schema):
        return False
    if not ({"type", "$ref", "anyOf", "enum", "const"} & schema.keys()):
        return False
    if "object" in _types(schema):
        properties = schema.get("properties", {})
        closed = schema.get("additionalProperties") is False
        if not closed or set(schema.get("required", ())) != set(properties):
            return False
    if "array" in _types(schema) and "items" not in schema:
        return False
    return all(_strict(part, depth + 1) for part in _parts(schema))


def _types(schema: Mapping[str, Any]) -> list[Any]:
    named = schema.get("type")
    return named if isinstance(named, list) else [named]


def _parts(schema: Mapping[str, Any]) -> list[Any]:
    parts = [
        part
        for word in ("properties", "$defs", "definitions")
        for part in schema.get(word, {}).values()
    ]
    parts += schema.get("anyOf", [])
    if "items" in schema:
        parts.append(schema["items"])
    return parts


def with_single_types(schema: Mapping[str, JSON]) -> dict[str, JSON]:
    """The same schema with `anyOf` in place of every list of types, as in `[number, "null"]`."""
    made = {name: _inside(name, part) for name, part in schema.items()}
    types = made.get("type")
    if not isinstance(types, list):
        return made
    del made["type"]
    if "anyOf" in made or "oneOf" in made or "allOf" in made:
        return made
    if len(types) == 1:
        return {**made, "type": types[0]}
    outer: dict[str, JSON] = {
        name: made.pop(name) for name in ("title", "description", "$defs") if name in made
    }
    ways = [{"type": one} if one == "null" else {**made, "type": one} for one in types]
    return {**outer, "anyOf": ways}


def _inside(name: str, part: JSON) -> JSON:
    """A keyword's value, where it holds schemas with their lists of types replaced."""
    if name in ("properties", "$defs", "definitions") and isinstance(part, Mapping):
        return {key: _one_inside(value) for key, value in part.items()}
    if name in ("anyOf", "oneOf", "allOf") and isinstance(part, list):
        return [_one_inside(value) for value in part]
    return _one_inside(part) if name == "items" else part


def _one_inside(part: JSON) -> JSON:
    return with_single_types(part) if isinstance(part, Mapping) else part
