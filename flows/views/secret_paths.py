"""Where a node's config names what is secret: such values are never copied to a clipboard."""

from collections.abc import Iterator, Mapping
from typing import Any

#: Widgets whose value is a credential, or opens one.
SECRET_WIDGETS = frozenset({"credential", "credentials", "secret"})

type Schema = Mapping[str, Any]


def secret_paths(schema: Schema) -> list[str]:
    """Paths of a config's JSON schema that are secret, with dots, sorted.

    A field is secret by its `widget` (see `SECRET_WIDGETS`), or as JSON schema says it: `writeOnly`
    or the format "password". `*` stands for any key of an object and any place of a list.
    """
    return sorted(set(_walk(schema, schema.get("$defs", {}), (), frozenset())))


def _walk(
    schema: Schema, defs: Schema, path: tuple[str, ...], entered: frozenset[str]
) -> Iterator[str]:
    if path and _is_secret(schema):
        yield ".".join(path)
        return
    if name := schema.get("$ref"):
        name = name.rpartition("/")[2]
        # A type that holds itself is walked once: below that it says the same again.
        if name not in entered and name in defs:
            yield from _walk(defs[name], defs, path, entered | {name})
    for kind in ("anyOf", "oneOf", "allOf"):
        for choice in schema.get(kind, ()):
            yield from _walk(choice, defs, path, entered)
    for name, below in schema.get("properties", {}).items():
        yield from _walk(below, defs, (*path, name), entered)
    for kind in ("items", "additionalProperties"):
        if isinstance(below := schema.get(kind), Mapping):
            yield from _walk(below, defs, (*path, "*"), entered)


def _is_secret(schema: Schema) -> bool:
    widget, text_format = schema.get("widget"), schema.get("format")
    return widget in SECRET_WIDGETS or schema.get("writeOnly") is True or text_format == "password"
