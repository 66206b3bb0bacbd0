"""Fields of a node's form, made from the JSON Schema of its Config: any shape has a control."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from flows.views.form_controls import MISSING, FormField, Row
from flows.views.form_kinds import COMPOSED, Schema, fits, is_union, kind_of, picker_of

JSON = Any
_LANGUAGES = {"code": "python", "markdown": "markdown", "sql": "sql"}


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
        self,
        name: str,
        schema: Schema,
        path: tuple[str, ...],
        *,
        mode: str,
        inner: bool = False,
        simple: bool = False,
    ) -> FormField:
        """An empty field; `inner`: part of another; `simple`: lists and objects are JSON."""
        plain = self.plain(schema)
        widget = str(schema.get("widget", ""))
        # A schema is an object too, but nobody writes one as a list of names and values.
        as_json = widget == "json" and (plain is not schema or mode == "never")
        kind = kind_of(plain, self.plain(plain.get("items", {})), as_json=as_json)
        kind = "json" if simple and kind in COMPOSED else kind
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
            picker=picker_of(widget, schema),
            options=tuple(map(str, plain.get("enum", ()))),
            whole=plain.get("type") == "integer",
            minimum=plain.get("minimum", plain.get("exclusiveMinimum")),
            maximum=plain.get("maximum", plain.get("exclusiveMaximum")),
            longest=plain.get("maxLength"),
            optional=kind == "group" and plain is not schema and schema.get("default", 0) is None,
        )
        if kind == "json":
            made = replace(made, mode="text" if made.may_be_text and widget != "json" else "json")
        if kind == "group":
            return replace(made, fields=self.parts(made, plain, made.path))
        if kind in COMPOSED:
            return replace(made, **self.fresh(made, plain))
        return made

    def plain(self, schema: Schema) -> Schema:
        """The schema itself: a reference is followed, and of "this or null" it is this."""
        if "$ref" in schema:
            return self.plain(self.root["$defs"][schema["$ref"].rpartition("/")[2]])
        choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        return self.plain(choices[0]) if len(choices) == 1 else schema

    def fresh(self, made: FormField, plain: Schema) -> dict[str, Any]:
        """What may be added to a list, and what tells it apart."""
        item = self.plain(plain.get("items", {}))
        if not is_union(item):
            return {"fresh": (self.row(made, plain, made.mark),)}
        told = replace(made, told_by=item["discriminator"]["propertyName"])
        names = item["discriminator"]["mapping"]
        # Their names are in the ids: those of the variants are different ones.
        rows = tuple(self.row(told, plain, f"{made.mark}{name}", name) for name in names)
        return {"fresh": rows, "told_by": told.told_by}

    def row(self, made: FormField, plain: Schema, number: str, variant: str = "") -> Row:
        """One row of a list, without values."""
        below = (*made.path, number)
        if made.kind == "rows":
            owner = self.owner(plain, variant)
            title = str(owner.get("title", variant)) if variant else ""
            parts = self.parts(made, owner, below, simple=not variant)
            return Row(parts, variant, title)
        mode = "expressions" if made.evaluated else "never"
        if made.kind == "lines":
            item = dict(self.plain(plain.get("items", {})))
            one = self.field("value", item, (*below, "value"), mode=mode, inner=True, simple=True)
            return Row((replace(one, title="Item", picker=made.picker),))
        more = plain.get("additionalProperties")
        item = dict(more) if isinstance(more, Mapping) else {}
        one = self.field("value", item, (*below, "value"), mode=mode, inner=True, simple=True)
        key = FormField("key", "text", "Name", (*below, "key"), f"{made.id}-{number}-key")
        key = replace(key, evaluated=False, language="text")
        return Row((key, replace(one, title="Value", description="")))

    def parts(
        self, made: FormField, owner: Schema, below: tuple[str, ...], *, simple: bool = True
    ) -> tuple[FormField, ...]:
        """The fields of an object: those that it wants to be seen first, and what is folded."""
        mode = "expressions" if made.evaluated else "never"
        needed = owner.get("required", ())
        properties = dict(owner.get("properties", {}))
        properties.pop(made.told_by, None)
        first = owner.get("first", list(properties))
        names = [*first, *(name for name in properties if name not in first)]
        return tuple(
            replace(
                self.field(
                    name, properties[name], (*below, name), mode=mode, inner=True, simple=simple
                ),
                required=name in needed,
                folded=name not in first,
            )
            for name in names
        )

    def owner(self, plain: Schema, variant: str) -> Schema:
        """The schema of one row: of the variant that it is, where there are several."""
        item = self.plain(plain.get("items", {}))
        if not is_union(item):
            return item
        return self.plain({"$ref": item["discriminator"]["mapping"][variant]})

    def filled(self, made: FormField, schema: Schema, value: JSON) -> FormField:
        """The field with a value; one that does not fit its shape is shown as JSON."""
        if value is MISSING or (value is None and made.optional):
            return made
        if not self.fits(made, value):
            if isinstance(value, str) and made.can_switch:
                return replace(made, value=value, mode="expression")
            return replace(
                made, value=value, kind="json", mode="json", multiline=True, optional=False
            )
        made = replace(made, value=value)
        if made.kind == "json":
            return replace(made, mode="text" if _is_text(made, value) else "json")
        if made.kind == "group":
            parts = self.plain(schema).get("properties", {})
            inner = (self.filled(one, parts[one.name], _of(value, one.name)) for one in made.fields)
            return replace(made, fields=tuple(inner))
        if made.kind in COMPOSED:
            return replace(made, rows=tuple(self.rows(made, schema, value)))
        return made

    def fits(self, made: FormField, value: JSON) -> bool:
        """Whether the control can show all of a value."""
        if not fits(made.kind, value, made.options, any_items=made.any_items):
            return False
        if made.kind == "group":
            return set(value) <= {one.name for one in made.fields}
        if made.kind != "rows":
            return True
        known = {row.variant: {one.name for one in row.parts} for row in made.fresh}
        return all(
            set(entry) - {made.told_by} <= known.get(_variant(made, entry), {""}) for entry in value
        )

    def rows(self, made: FormField, schema: Schema, value: JSON) -> Iterator[Row]:
        plain = self.plain(schema)
        if made.kind == "pairs":
            entries = [{"key": key, "value": item} for key, item in value.items()]
        elif made.kind == "lines":
            entries = [{"value": item} for item in value]
        else:
            entries = list(value)
        for index, entry in enumerate(entries):
            variant = _variant(made, entry)
            row = self.row(made, plain, str(index), variant)
            shapes: Mapping[str, Any] = {}
            if made.kind == "rows":
                shapes = self.owner(plain, variant).get("properties", {})
            parts = (
                self.filled(one, shapes.get(one.name, {}), _of(entry, one.name))
                for one in row.parts
            )
            yield replace(row, parts=tuple(parts))


def _of(value: JSON, name: str) -> JSON:
    return value.get(name, MISSING) if isinstance(value, Mapping) else MISSING


def _variant(made: FormField, entry: Mapping[str, JSON]) -> str:
    """Which of several kinds an object is; empty where there is one kind."""
    return str(entry.get(made.told_by, "?")) if made.told_by else ""


def _is_text(made: FormField, value: JSON) -> bool:
    return isinstance(value, str) and made.may_be_text
