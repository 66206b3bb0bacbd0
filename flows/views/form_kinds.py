"""Which control edits a JSON Schema, which values it can show, and what people pick from."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

JSON = Any
Schema = Mapping[str, Any]
#: What a control edits. `json` is any value; `group` is an object with known keys.
Kind = Literal["text", "number", "boolean", "choice", "json", "lines", "rows", "pairs", "group"]

#: Kinds of controls that are made of others.
COMPOSED = ("lines", "rows", "pairs", "group")
#: The lists of credentials and of models have what fits in their names, as in `models-image`: each
#: field offers its own.
CREDENTIALS, MODELS = "credentials", "models"
_SIMPLE: Mapping[Any, Kind] = {
    "string": "text",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
}
#: Widgets of texts that people pick from a list, and the list.
_PICKERS = {"flow": "flows", "member": "members", "collection": "collections"}


def kind_of(schema: Schema, item: Schema, *, as_json: bool) -> Kind:
    """`item` is what a list holds; `as_json`: an object is written as JSON, not as pairs."""
    if "enum" in schema:
        return "choice"
    kind = schema.get("type")
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if kind == "array" and ("properties" in item or is_union(item)):
        return "rows"
    if kind == "array" and (item.get("type") in _SIMPLE or "enum" in item):
        return "lines"
    if kind == "array" and not as_json and holds_anything(schema):
        return "lines"
    if kind == "object" and "properties" in schema:
        return "group"
    return "pairs" if kind == "object" and not as_json else "json"


def is_union(schema: Schema) -> bool:
    """Whether it is one of several objects, which one of their keys tells apart."""
    return "oneOf" in schema and "propertyName" in schema.get("discriminator", {})


def holds_anything(schema: Schema) -> bool:
    """Whether it is a list of values of any kind."""
    return "items" in schema and not schema["items"]


def picker_of(widget: str, schema: Schema) -> str:
    """The name of the list that is picked from; empty: none."""
    if widget == "credential":
        return "-".join([CREDENTIALS, *map(str, schema.get("types", ()))])
    if widget in ("model", "models"):
        return "-".join([MODELS, *filter(None, [schema.get("capability")])])
    return _PICKERS.get(widget, "")


def fits(kind: Kind, value: JSON, options: Collection[str], *, any_items: bool) -> bool:
    """Whether a value has the shape that the control edits; null fits nothing but JSON.

    `any_items`: a list of lines holds values of any kind. Objects of lists are looked at where
    their keys are known.
    """
    match kind:
        case "json":
            return True
        case "text":
            return isinstance(value, str)
        case "choice":
            return isinstance(value, str) and value in options
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "lines":
            if not isinstance(value, list):
                return False
            return any_items or not any(isinstance(item, dict | list) for item in value)
        case "rows":
            return isinstance(value, list) and all(isinstance(row, Mapping) for row in value)
        case _:
            return isinstance(value, Mapping)
