"""A list filtered, sorted, cut and summed up."""

import json
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from flows.engine.conditions import holds
from flows.engine.config import NodeConfig, blank_as_none
from flows.engine.errors import NodeError
from flows.engine.expressions import has_expression, text_of
from flows.engine.expressions.values import kind
from flows.engine.node_type import NodeType, PureInputs, Result

#: Items of a list; each costs a microsecond or more.
MAX_ITEMS = 100_000
JSON = Any
#: What a key is by, as the document says: a field's name, or an expression with `item`.
type Key = Callable[[JSON, int], JSON]


class Aggregate(BaseModel):
    """One value of many."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    function: Literal["count", "sum", "mean", "min", "max", "join", "first", "last"] = Field(
        title="Function", description="What is made of the values."
    )
    of: str = Field(
        default="",
        title="Of",
        description="A field's name or an expression with item; empty: the items themselves.",
    )
    by: str = Field(
        default="",
        title="By",
        description="A value for each group: a field's name or an expression with item.",
    )


class Config(NodeConfig):
    items: Any = Field(
        title="Items",
        description="The list.",
        json_schema_extra={"evaluate": "trimmed", "type": "array"},
    )
    filter: Any = Field(
        default=None,
        title="Filter",
        description="A condition with item: {{ item.score > 3 }}. Empty: all items are kept.",
        json_schema_extra={"evaluate": "inside", "condition": True},
    )
    unique_by: str = Field(
        default="",
        title="Unique by",
        description="Keeps the first of each: a field's name or an expression with item.",
        json_schema_extra={"evaluate": "inside"},
    )
    sort_by: str = Field(
        default="",
        title="Sort by",
        description="A field's name or an expression with item: {{ item.name | lower }}.",
        json_schema_extra={"evaluate": "inside"},
    )
    descending: bool = Field(
        default=False, title="Descending", description="The largest first; nulls stay last."
    )
    limit: Annotated[int | None, BeforeValidator(blank_as_none)] = Field(
        default=None, title="Limit", description="Keeps so many, from the first on.", ge=0
    )
    aggregate: Annotated[Aggregate | None, BeforeValidator(blank_as_none)] = Field(
        default=None,
        title="Aggregate",
        description="One value of the items that are left.",
        json_schema_extra={"evaluate": "inside", "widget": "json"},
    )


def run(config: Config, inputs: PureInputs) -> Result:
    """Filter, then unique, sort, limit; the aggregate is of what is left. Raises NodeError."""
    items = _list_of(config.items)
    if config.filter not in (None, ""):
        keep = _by(config.filter, inputs, "filter")
        items = [item for index, item in enumerate(items) if holds(keep(item, index))]
    if config.unique_by:
        items = _unique(items, _by(config.unique_by, inputs, "unique_by"))
    if config.sort_by:
        items = _sorted(items, _by(config.sort_by, inputs, "sort_by"), config.descending)
    items = items if config.limit is None else items[: config.limit]
    value = None if config.aggregate is None else _aggregated(items, config.aggregate, inputs)
    return Result({"items": items, "count": len(items), "value": value})


def _list_of(items: JSON) -> list[JSON]:
    if not isinstance(items, list):
        message = f"'items' has to be a list, and is {kind(items)}. Check the expression."
        raise NodeError("config_invalid", message, field="items")
    if len(items) > MAX_ITEMS:
        message = f"The list has more than {MAX_ITEMS:,} items. Split it, or use a map."
        raise NodeError("list_too_long", message, field="items")
    return items


def _by(written: JSON, inputs: PureInputs, field: str) -> Key:
    """How the key of an item is found: what was written is a field's name or an expression."""
    if isinstance(written, str) and not has_expression(written) and field != "filter":
        path = written.strip().split(".")
        return lambda item, index: _at(item, path)

    def evaluated(item: JSON, index: int) -> JSON:
        try:
            return inputs.each(written, item, index)
        except NodeError as error:
            error.field = field
            raise

    return evaluated


def _at(item: JSON, path: list[str]) -> JSON:
    """The value of a field, null where there is none."""
    for name in path:
        item = item.get(name) if isinstance(item, Mapping) else None
    return item


def _unique(items: list[JSON], key: Key) -> list[JSON]:
    seen: dict[str, None] = {}
    kept = []
    for index, item in enumerate(items):
        name = _name(key(item, index))
        if name not in seen:
            seen[name] = None
            kept.append(item)
    return kept


def _sorted(items: list[JSON], key: Key, descending: bool) -> list[JSON]:
    """By numbers, then texts, then whatever else; nulls are last either way."""
    keys = [key(item, index) for index, item in enumerate(items)]
    known = [index for index, one in enumerate(keys) if one is not None]
    known.sort(key=lambda index: _rank(keys[index]), reverse=descending)
    nulls = [index for index, one in enumerate(keys) if one is None]
    return [items[index] for index in (*known, *nulls)]


def _rank(key: JSON) -> tuple[int, float | str]:
    if isinstance(key, int | float):
        return (0, key)
    return (1, key) if isinstance(key, str) else (2, _name(key))


def _name(key: JSON) -> str:
    return json.dumps(key, sort_keys=True)


def _aggregated(items: list[JSON], aggregate: Aggregate, inputs: PureInputs) -> JSON:
    of: Key = _by(aggregate.of, inputs, "aggregate") if aggregate.of else lambda item, _: item
    values = [of(item, index) for index, item in enumerate(items)]
    if not aggregate.by:
        return _made(aggregate.function, values)
    by = _by(aggregate.by, inputs, "aggregate")
    groups: dict[str, list[JSON]] = {}
    for index, item in enumerate(items):
        groups.setdefault(text_of(by(item, index)), []).append(values[index])
    return {name: _made(aggregate.function, group) for name, group in groups.items()}


def _made(function: str, values: list[JSON]) -> JSON:
    """Nulls do not count, except for `count`; of nothing it is null, a sum 0."""
    if function == "count":
        return len(values)
    known = [value for value in values if value is not None]
    match function:
        case "join":
            return ", ".join(text_of(value) for value in known)
        case "first" | "last":
            return None if not known else known[0 if function == "first" else -1]
        case "min" | "max":
            best = min if function == "min" else max
            return best(known, key=_rank, default=None)
    return _summed(function, known)


def _summed(function: str, values: list[JSON]) -> JSON:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            message = f"A {function} is of numbers, and one value is {kind(value)}: use | float."
            raise NodeError("not_a_number", message, field="aggregate")
    try:
        total = sum(values)
        made = total if function == "sum" or not values else total / len(values)
        too_large = not isfinite(made)
    except OverflowError:
        too_large = True
    if too_large:
        message = f"The {function} is too large for a number. Divide the values first."
        raise NodeError("not_a_number", message, field="aggregate")
    return made if values or function == "sum" else None


NODE = NodeType(
    type="list",
    title="List",
    summary="Filters, sorts, cuts and sums up a list.",
    category="data",
    icon="list-filter",
    config=Config,
    pure=run,
    outputs={"items": "list", "count": "number", "value": "any"},
)
