"""Says whether a JSON Schema is in the subset that OpenAI's strict mode takes."""

from collections.abc import Mapping
from typing import Any

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
