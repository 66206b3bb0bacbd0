"""The base of every node's Config, and how its fields say what happens to expressions."""

from collections.abc import Container, Iterable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from flows.engine.expressions import text_of


class NodeConfig(BaseModel):
    """A node's config after its expressions were evaluated.

    A field may say in `json_schema_extra`: `evaluate`: "template" (template mode), "never" (kept
    as written), "inside" (kept as written here, and evaluated for each item, iteration or answer;
    `names`, name → type word, are those that hold there where they are not an item's) or "trimmed"
    (white space around a single expression does not count, as a YAML block leaves it);
    `condition`: True (it decides by being true or false); `references`: True (large values may
    stay references); `widget`: a hint for the form ("text": several lines, "code", "markdown",
    "sql", "json", or what people pick from: "model", with the `capability` that it needs, "flow",
    "member", "collection", "credential", with the `types` of it that fit). A model of a part of
    a Config may say in its `json_schema_extra` which of its fields the form shows `first`; the
    others are folded away.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


def _to_text(value: Any) -> Any:
    # A field of text takes any value as it would stand in a text, also from a single expression.
    return value if isinstance(value, str) else text_of(value)


#: Text: numbers, lists and objects that an expression gave become text; null becomes empty.
Text = Annotated[str, BeforeValidator(_to_text)]


def blank_as_none(value: Any) -> Any:
    """For a BeforeValidator: forms send empty text for "not set"."""
    return None if value == "" else value


def check_once(names: Iterable[str], what: str, reserved: Container[str] = ()) -> None:
    """For a validator: raises ValueError where two `what` have one name, or one that is taken."""
    seen: set[str] = set()
    for name in names:
        if name in reserved:
            raise ValueError(f"a {what} may not be named '{name}'; rename it")
        if name in seen:
            raise ValueError(f"two {what}s are named '{name}'; rename one")
        seen.add(name)
