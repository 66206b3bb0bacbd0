"""Summarize of n8n: sums, counts and the like of a list."""

from typing import Any

from flows.importing.code import Code, Untranslatable, braced, literal, operation
from flows.importing.draft import Shape
from flows.importing.n8n.data import items_of
from flows.importing.source import mapping, mappings, words
from flows.importing.steps import Step

JSON = Any
#: Its aggregations → functions of the type `list`, and how it names their results.
_FUNCTIONS = {"sum": "sum", "average": "mean", "min": "min", "max": "max", "count": "count"}
_PREFIXES = {"append": "appended", "concatenate": "concatenated", "countUnique": "unique_count"}


def summarize(step: Step) -> None:
    """One number of a list, also for each group; or several numbers of all of it."""
    config = step.config
    rows = mappings(mapping(config.get("fieldsToSummarize")).get("values"))
    if not rows:
        raise Untranslatable("no field is summed up")
    items = items_of(step)
    groups = [name.strip() for name in words(config.get("fieldsToSplitBy")).split(",")]
    groups = [name for name in groups if name]
    kind, path = words(rows[0].get("aggregation"), "count"), words(rows[0].get("field"))
    if len(rows) == 1 and kind in _FUNCTIONS and len(groups) <= 1:
        aggregate = {"function": _FUNCTIONS[kind], "of": path}
        if groups:
            aggregate["by"] = groups[0]
            step.changed(f"It gives one object here, in 'value': {groups[0]} → {kind}.")
        if kind == "count":
            items = _with(items, path)
        made = {"items": braced(items), "aggregate": aggregate}
        step.become("list", made, shape=Shape(("value",), {(_name(rows[0]),): ("value",)}))
        return
    if groups:
        raise Untranslatable("a list is grouped by one field here, and for one sum")
    fields = {_name(raw): braced(_summed(items, raw)) for raw in rows}
    step.become("transform", {"fields": fields})


def _name(raw: dict[str, JSON]) -> str:
    kind = words(raw.get("aggregation"), "count")
    return f"{_PREFIXES.get(kind, kind)}_{words(raw.get('field'))}"


def _with(items: Code, path: str) -> Code:
    """The items that have a field: others do not count."""
    return items.filtered("select", literal(path), literal("!="), literal(None), kind="list")


def _summed(items: Code, raw: dict[str, JSON]) -> Code:
    kind, path = words(raw.get("aggregation"), "count"), words(raw.get("field"))
    values = _with(items, path).filtered("map", literal(path))
    match kind:
        case "sum" | "min" | "max":
            return values.filtered(kind)
        case "average":
            return operation("/", values.filtered("sum"), values.filtered("length"), "number")
        case "count":
            return values.filtered("length")
        case "countUnique":
            return values.filtered("unique").filtered("length")
        case "concatenate":
            between = words(raw.get("separateBy"), ",")
            own = words(raw.get("customSeparator"))
            return values.filtered("join", literal(own if between == "other" else between))
        case "append":
            return values
    raise Untranslatable(f"the sum '{kind[:40]}' has no like here")
