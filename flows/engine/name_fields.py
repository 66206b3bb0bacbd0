"""The fields below a name in expressions, as far as configs and JSON Schemas tell them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

JSON = Any
#: Fields that are listed of one name, and how deep below it they lie.
MAX_FIELDS = 300
MAX_DEPTH = 4
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_KINDS = {
    "string": "text",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}


@dataclass(frozen=True)
class NameField:
    """One field: its path as it follows the name (`json.urgent`, `['two words']`), and its type."""

    path: str
    type: str


def joined(path: str, key: str) -> str:
    """A path and one more key, as expressions write it."""
    if not _WORD.match(key):
        quoted = key.replace("\\", "\\\\").replace("'", "\\'")
        return f"{path}['{quoted}']"
    return f"{path}.{key}" if path else key


def fields_from(kinds: Mapping[str, str], schemas: Mapping[str, JSON]) -> tuple[NameField, ...]:
    """A field for each key, and below those that have a JSON Schema what that promises."""
    found: list[NameField] = []
    for key, kind in kinds.items():
        schema = schemas.get(key)
        path = joined("", key)
        told = kind if schema is None or kind == "file" else kind_of_schema(schema)
        found.append(NameField(path, told))
        found += fields_of_schema(schema, path)
    return tuple(found[:MAX_FIELDS])


def fields_of_schema(schema: JSON, path: str = "", depth: int = 1) -> Iterator[NameField]:
    """The properties that a JSON Schema names, each before those below it."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or depth >= MAX_DEPTH:
        return
    for key, below in properties.items():
        at = joined(path, str(key))
        yield NameField(at, kind_of_schema(below))
        yield from fields_of_schema(below, at, depth + 1)


def kind_of_schema(schema: JSON) -> str:
    """The type word of a JSON Schema; any where it is not one type."""
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if isinstance(kind, list):
        told = [one for one in kind if one != "null"]
        kind = told[0] if len(told) == 1 else None
    return _KINDS.get(kind, "any") if isinstance(kind, str) else "any"


def schema_at(schema: JSON, path: Sequence[str | int]) -> JSON:
    """The JSON Schema of what lies at a path below a value; None where it is not told."""
    for step in path:
        if not isinstance(schema, Mapping):
            return None
        inner = schema.get("items") if isinstance(step, int) else schema.get("properties")
        if isinstance(step, str):
            inner = inner.get(step) if isinstance(inner, Mapping) else None
        schema = inner
    return schema


def schema_of(value: JSON, depth: int = 1) -> JSON:
    """What a value in a config tells of its shape, as a JSON Schema; texts may be expressions."""
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "number"}
    if isinstance(value, str):
        return {} if "{{" in value else {"type": "string"}
    if isinstance(value, list):
        return {"type": "array", "items": schema_of(value[0], depth) if value else {}}
    if isinstance(value, Mapping):
        if depth >= MAX_DEPTH:
            return {"type": "object"}
        properties = {str(key): schema_of(below, depth + 1) for key, below in value.items()}
        return {"type": "object", "properties": properties}
    return {}
