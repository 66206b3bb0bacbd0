"""Fields of a node's form, made from the JSON Schema of its Config: any shape has a control."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

JSON = Any
Schema = Mapping[str, Any]
#: What a control edits. `json` is any value; `group` is an object with known keys.
Kind = Literal["text", "number", "boolean", "choice", "json", "lines", "rows", "pairs", "group"]
#: How the text of a control is written.
Mode = Literal["plain", "text", "json", "expression"]

_SIMPLE: Mapping[Any, Kind] = {
    "string": "text",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
}
_COMPOSED = ("lines", "rows", "pairs", "group")
#: Stands for the number of a row in the markup of a new one.
NEW_ROW = "__row__"
#: Widgets of texts that people pick from a list, and the list.
_PICKERS = {"model": "models", "models": "models", "flow": "flows", "member": "members"}
#: The list of credentials has the types that fit in its name: each field offers its own.
CREDENTIALS = "credentials"
_LANGUAGES = {"code": "python", "markdown": "markdown", "sql": "sql"}


class Missing:
    """No value was given."""

    def __bool__(self) -> bool:
        return False


MISSING = Missing()


@dataclass(frozen=True)
class FormField:
    """One control. `path` is its place in the node, `name` its key where it is part of another.

    `value` is what the draft says, MISSING where nothing; `fields` are the parts of a group or of
    a new row, `rows` the rows that are there. `evaluated`: expressions in it are computed.
    """

    name: str
    kind: Kind
    title: str
    path: tuple[str, ...] = ()
    id: str = ""
    description: str = ""
    required: bool = False
    default: JSON = None
    value: JSON = MISSING
    mode: Mode = "plain"
    evaluated: bool = True
    language: str = "expression"
    multiline: bool = False
    may_be_text: bool = False
    picker: str = ""
    options: tuple[str, ...] = ()
    whole: bool = False
    minimum: float | None = None
    maximum: float | None = None
    longest: int | None = None
    fields: tuple["FormField", ...] = ()
    rows: tuple[tuple["FormField", ...], ...] = ()

    @property
    def path_json(self) -> str:
        return json.dumps(self.path)

    @property
    def default_json(self) -> str:
        return json.dumps(self.default, ensure_ascii=False)

    @property
    def can_switch(self) -> bool:
        """Whether it may be written in another way: as an expression, or as text."""
        if self.kind == "json":
            return self.may_be_text
        return self.evaluated and self.kind not in ("text", "group")

    @property
    def text(self) -> str:
        """What stands in the control."""
        if self.value is MISSING or self.value is None:
            return ""
        if isinstance(self.value, str) and self.mode != "json":
            return self.value
        return json.dumps(self.value, ensure_ascii=False, indent=2 if self.multiline else None)

    @property
    def checked(self) -> bool:
        return bool(self.default if self.value is MISSING else self.value)

    @property
    def chosen(self) -> str:
        value = self.default if self.value is MISSING else self.value
        return "" if value is None else str(value)

    @property
    def has_blank(self) -> bool:
        """Whether a choice may be left open."""
        return self.default is None

    @property
    def placeholder(self) -> str:
        if self.default in (None, "", [], {}):
            return ""
        return self.default if isinstance(self.default, str) else self.default_json

    @property
    def more(self) -> int:
        """Rows that are there, for the number of the next."""
        return len(self.rows)


def fields_of(
    schema: Schema,
    values: Mapping[str, JSON],
    path: tuple[str, ...],
    modes: Mapping[str, str] | None = None,
) -> list[FormField]:
    """The fields of an object's schema, with the values that are there.

    `modes` are the ways in which expressions are evaluated by field (`flows.engine.node_call`).
    """
    return list(_Reader(schema, modes or {}).fields(schema, values, path))


class _Reader:
    """Reads one schema; `root` holds the definitions that its parts refer to."""

    def __init__(self, root: Schema, modes: Mapping[str, str]) -> None:
        self.root = root
        self.modes = modes

    def fields(
        self, schema: Schema, values: Mapping[str, JSON], path: tuple[str, ...]
    ) -> Iterator[FormField]:
        required = schema.get("required", ())
        for name, part in schema.get("properties", {}).items():
            mode = self.modes.get(name, "expressions")
            made = self.field(name, part, (*path, name), mode=mode)
            made = replace(made, required=name in required)
            yield self.filled(made, part, values.get(name, MISSING))

    def field(
        self, name: str, schema: Schema, path: tuple[str, ...], *, mode: str, inner: bool = False
    ) -> FormField:
        """An empty field; `inner`: part of another, where lists and objects are written as JSON."""
        plain = self.plain(schema)
        widget = str(schema.get("widget", ""))
        # A schema is an object too, but nobody writes one as a list of names and values.
        as_json = widget == "json" and (plain is not schema or mode == "never")
        kind = _kind(plain, self.plain(plain.get("items", {})), as_json=as_json)
        kind = "json" if inner and kind in _COMPOSED else kind
        language = _LANGUAGES.get(widget, "template" if mode == "template" else "expression")
        made = FormField(
            name=name,
            kind=kind,
            title=str(schema.get("title") or plain.get("title") or name),
            path=path,
            id=f"field-{'-'.join(path)}",
            description=str(schema.get("description", "")),
            default=schema.get("default"),
            evaluated=mode != "never",
            language=language if mode != "never" or widget in _LANGUAGES else "text",
            multiline=widget in ("text", "json", *_LANGUAGES) or (kind == "json" and not inner),
            may_be_text=kind == "json"
            and ("type" not in plain or (plain["type"] == "array" and "items" not in plain)),
            picker=_picker(widget, schema),
            options=tuple(map(str, plain.get("enum", ()))),
            whole=plain.get("type") == "integer",
            minimum=plain.get("minimum", plain.get("exclusiveMinimum")),
            maximum=plain.get("maximum", plain.get("exclusiveMaximum")),
            longest=plain.get("maxLength"),
        )
        start: Mode = "plain"
        if kind == "json":
            start = "text" if made.may_be_text and widget != "json" else "json"
        return replace(made, mode=start, fields=self.parts(made, schema, NEW_ROW))

    def plain(self, schema: Schema) -> Schema:
        """The schema itself: a reference is followed, and of "this or null" it is this."""
        if "$ref" in schema:
            return self.plain(self.root["$defs"][schema["$ref"].rpartition("/")[2]])
        choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        return self.plain(choices[0]) if len(choices) == 1 else schema

    def parts(self, made: FormField, schema: Schema, row: str) -> tuple[FormField, ...]:
        """What a group or one row of a list holds."""
        plain = self.plain(schema)
        mode = "expressions" if made.evaluated else "never"
        below = (*made.path, row)
        if made.kind in ("rows", "group"):
            owner = self.plain(plain.get("items", {})) if made.kind == "rows" else plain
            below = below if made.kind == "rows" else made.path
            needed = owner.get("required", ())
            return tuple(
                replace(
                    self.field(name, part, (*below, name), mode=mode, inner=True),
                    required=name in needed,
                )
                for name, part in owner.get("properties", {}).items()
            )
        if made.kind == "lines":
            item = dict(self.plain(plain.get("items", {})))
            one = self.field("value", item, (*below, "value"), mode=mode, inner=True)
            return (replace(one, title="Item", picker=made.picker),)
        if made.kind == "pairs":
            more = plain.get("additionalProperties")
            item = dict(more) if isinstance(more, Mapping) else {}
            one = self.field("value", item, (*below, "value"), mode=mode, inner=True)
            key = FormField("key", "text", "Name", (*below, "key"), f"{made.id}-{row}-key")
            key = replace(key, evaluated=False, language="text")
            return (key, replace(one, title="Value", description=""))
        return ()

    def filled(self, made: FormField, schema: Schema, value: JSON) -> FormField:
        """The field with a value; one that does not fit its shape is shown as JSON."""
        if value is MISSING:
            return made
        if not _fits(made, value):
            if isinstance(value, str) and made.evaluated:
                return replace(made, value=value, mode="expression")
            return replace(made, value=value, kind="json", mode="json", multiline=True, fields=())
        made = replace(made, value=value)
        if made.kind == "json":
            return replace(made, mode="text" if _is_text(made, value) else "json")
        if made.kind == "group":
            parts = self.plain(schema).get("properties", {})
            inner = (self.filled(one, parts[one.name], _of(value, one.name)) for one in made.fields)
            return replace(made, fields=tuple(inner))
        if made.kind in ("lines", "rows", "pairs"):
            return replace(made, rows=tuple(self.rows(made, schema, value)))
        return made

    def rows(self, made: FormField, schema: Schema, value: JSON) -> Iterator[tuple[FormField, ...]]:
        plain = self.plain(schema)
        if made.kind == "pairs":
            entries = [{"key": key, "value": item} for key, item in value.items()]
        elif made.kind == "lines":
            entries = [{"value": item} for item in value]
        else:
            entries = list(value)
        shapes: Mapping[str, Any] = {}
        if made.kind == "rows":
            shapes = self.plain(plain.get("items", {})).get("properties", {})
        for index, entry in enumerate(entries):
            parts = self.parts(made, schema, str(index))
            yield tuple(
                self.filled(one, shapes.get(one.name, {}), _of(entry, one.name)) for one in parts
            )


def _picker(widget: str, schema: Schema) -> str:
    if widget == "credential":
        return "-".join([CREDENTIALS, *map(str, schema.get("types", ()))])
    return _PICKERS.get(widget, "")


def _of(value: JSON, name: str) -> JSON:
    return value.get(name, MISSING) if isinstance(value, Mapping) else MISSING


def _kind(schema: Schema, item: Schema, *, as_json: bool) -> Kind:
    """`item` is what a list holds; `as_json`: an object is written as JSON, not as pairs."""
    if "enum" in schema:
        return "choice"
    kind = schema.get("type")
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if kind == "array" and "properties" in item:
        return "rows"
    if kind == "array" and (item.get("type") in _SIMPLE or "enum" in item):
        return "lines"
    if kind == "object" and "properties" in schema:
        return "group"
    return "pairs" if kind == "object" and not as_json else "json"


def _is_text(made: FormField, value: JSON) -> bool:
    return isinstance(value, str) and made.may_be_text


def _fits(made: FormField, value: JSON) -> bool:
    """Whether a value has the shape that the control edits; null fits nothing but JSON."""
    match made.kind:
        case "json":
            return True
        case "text":
            return isinstance(value, str)
        case "choice":
            return isinstance(value, str) and value in made.options
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "lines":
            return isinstance(value, list) and not any(isinstance(i, dict | list) for i in value)
        case "rows":
            known = {one.name for one in made.fields}
            return isinstance(value, list) and all(
                isinstance(row, Mapping) and set(row) <= known for row in value
            )
        case _:
            return isinstance(value, Mapping)
