"""Nodes of n8n that set fields and work on lists."""

from typing import Any

from flows.importing.bodies import json_of
from flows.importing.code import Code, Untranslatable, braced, literal
from flows.importing.draft import Keys, Shape
from flows.importing.n8n.conditions import list_before
from flows.importing.source import listing, mapping, mappings, number, words
from flows.importing.steps import Step, missing, pass_on

JSON = Any
_LIST = Shape(items=("items",))


def set_fields(step: Step) -> None:
    """Set, or 'Edit fields': versions 1 to 3."""
    config = step.config
    if config.get("mode") == "raw":
        made = json_of(step.parts(words(config.get("jsonOutput"), "{}")))
        if not isinstance(made, dict):
            step.become("transform", {"fields": {"value": made}}, shape=Shape(("value",)))
            return
    else:
        made = _assigned(step)
    keeps = config.get("includeOtherFields") is True
    if not config.get("assignments") and "values" in config:
        keeps = config.get("keepOnlySet") is not True
    usable = {str(k): v for k, v in made.items() if str(k) and not str(k).startswith("$")}
    own: dict[Keys, Keys] = {(name,): (name,) for name in usable}
    step.become(
        "transform", {"fields": usable}, shape=Shape(fields=own, through=keeps and bool(own))
    )
    if keeps:
        step.tell("Other fields stay readable from the nodes that gave them.")


def _assigned(step: Step) -> dict[str, JSON]:
    made: dict[str, JSON] = {}
    config = step.config
    rows = mappings(mapping(config.get("assignments")).get("assignments"))
    fields = mapping(config.get("fields"))
    rows += [{**raw, "value": _typed(raw)} for raw in mappings(fields.get("values"))]
    for kind in ("string", "number", "boolean"):
        rows += mappings(mapping(config.get("values")).get(kind))
    for raw in rows:
        value = raw.get("value")
        kind = words(raw.get("type"))
        if kind in ("array", "object") and isinstance(value, str):
            value = json_of(step.parts(value))
        else:
            value = step.value(value)
        if kind == "number" and isinstance(value, str) and (given := number(value)) is not None:
            value = given
        if kind == "boolean" and value in ("true", "false"):
            value = value == "true"
        _put(made, words(raw.get("name")).split("."), value)
    return made


def _typed(raw: dict[str, JSON]) -> JSON:
    return next((raw[key] for key in raw if key.endswith("Value")), None)


def _put(made: dict[str, JSON], path: list[str], value: JSON) -> None:
    for key in path[:-1]:
        inner = made.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        made = inner
    made[path[-1]] = value


def merge(step: Step) -> None:
    mode = step.config.get("mode", "append")
    if mode in ("chooseBranch", "passThrough", "wait"):
        pass_on(step)
        return
    if mode == "append":
        step.become("merge", {"mode": "collect"}, shape=_LIST)
        step.changed("The outputs of the branches are collected as a list, one item for each.")
        return
    step.become("merge", {"mode": "collect"}, shape=Shape(through=True))
    step.changed(
        "Fields are read from the branch that gave them; matching items by a field is left out."
    )


def split_out(step: Step) -> None:
    """One item for each entry of a list: a map around what follows, or just the list."""
    field = words(step.config.get("fieldToSplitOut")).split(",")[0].strip()
    items = step.arriving(*[key for key in field.removeprefix("$json.").split(".") if key])
    found = step.draft.flow.facts.get("maps", {}).get(step.source.id)
    if found is None:
        step.become("transform", {"fields": {"items": braced(items)}}, shape=_LIST)
        return
    box, _ = found
    box.config["items"] = braced(items)
    inner: dict[Keys, Keys] = {(field.split(".")[-1],): ()}
    step.become("map", box.config, shape=Shape(items=("items",), inner=inner))
    step.tell("What follows it for each item is inside of it now.")


def batches(step: Step) -> None:
    """Loop over items: a map around what is done with each."""
    found = step.draft.flow.facts.get("maps", {}).get(step.source.id)
    if found is None:
        step.changed("Nothing leads back to it, so there is nothing to repeat.")
        pass_on(step)
        return
    box, _ = found
    box.config["items"] = braced(list_before(step) or step.arriving())
    box.config["concurrency"] = 1
    if (number(step.config.get("batchSize")) or 1) > 1:
        step.changed("Items are worked on one by one, not in batches.")
    made = step.become("map", box.config, shape=_LIST)
    made.exits = {"0": (step.id, "out"), "1": (step.id, "out")}


def items_of(step: Step) -> Code:
    items = list_before(step)
    if items is not None:
        return items
    step.changed("It works on the list that arrives: check that it is one.")
    return step.arriving()


def _gives(step: Step, code: Code) -> None:
    step.become("transform", {"fields": {"items": braced(code)}}, shape=_LIST)


def sort(step: Step) -> None:
    if step.config.get("type", "simple") != "simple":
        missing(step)
        return
    code = items_of(step)
    # The last key first: sorting keeps the order of what is equal.
    for raw in mappings(mapping(step.config.get("sortFieldsUi")).get("sortField"))[::-1]:
        down = raw.get("order") == "descending"
        code = code.filtered("sort", literal(words(raw.get("fieldName"))), literal(down))
    _gives(step, code)


def limit(step: Step) -> None:
    most = int(number(step.config.get("maxItems")) or 1)
    ends = (
        [literal(-most)] if step.config.get("keep") == "lastItems" else [literal(0), literal(most)]
    )
    _gives(step, items_of(step).filtered("slice", *ends))


def unique(step: Step) -> None:
    fields = words(step.config.get("fieldsToCompare")).split(",")
    by = [literal(fields[0].strip())] if fields[0].strip() else []
    if len(fields) > 1:
        step.changed("Items are compared by the first of the fields.")
    _gives(step, items_of(step).filtered("unique", *by))


def aggregate(step: Step) -> None:
    items = items_of(step)
    config = step.config
    if config.get("aggregate") == "aggregateAllItemData":
        name = words(config.get("destinationFieldName"), "data") or "data"
        fields = {name: braced(items)}
    else:
        fields = {}
        form = mapping(config.get("fieldsToAggregate"))
        for raw in mappings(form.get("fieldToAggregate")):
            path = words(raw.get("fieldToAggregate"))
            renamed = words(raw.get("outputFieldName")) if raw.get("renameField") else ""
            name = renamed or path.split(".")[-1]
            fields[name or "data"] = braced(items.filtered("map", literal(path)))
    step.become("transform", {"fields": fields or {"data": braced(items)}})


def item_lists(step: Step) -> None:
    """Item Lists of older versions: one node for several of the others."""
    operations = {"splitOutItems": split_out, "sort": sort, "limit": limit,
                  "removeDuplicates": unique, "aggregateItems": aggregate,
                  "concatenateItems": aggregate}  # fmt: skip
    operation = words(step.config.get("operation"), "splitOutItems")
    operations.get(operation, missing)(step)


def wait(step: Step) -> None:
    config = step.config
    mode = config.get("resume", "timeInterval")
    through = Shape(through=True)
    if mode == "specificTime":
        step.become("wait", {"until": step.text(config.get("dateTime"))}, shape=through)
    elif mode in ("webhook", "form"):
        step.changed("It waited for a call or a form: a person approves here instead.")
        made = step.become("approval", {"message": step.label or "Go on?"}, shape=through)
        made.last = (step.id, "approved")
    else:
        units = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
        unit = units.get(words(config.get("unit"), "hours"), 1)
        amount = config.get("amount", 1)
        code = step.code(amount)
        fixed = number(code.value) if code.literal else None
        seconds: JSON = fixed * unit if fixed is not None else f"{{{{ {code.safe} * {unit} }}}}"
        step.become("wait", {"seconds": seconds}, shape=through)


def subflow(step: Step) -> None:
    chosen = step.config.get("workflowId")
    named = mapping(chosen)
    name = words(named.get("cachedResultName")) or words(named.get("value")) or words(chosen)
    step.changed(f"Import the workflow '{name[:80]}' too, and choose it here.")
    given = mapping(mapping(step.config.get("workflowInputs")).get("value"))
    inputs = step.value(given)
    if not given:
        try:
            inputs = {"data": braced(step.draft.carried(step.source.id, ()))}
        except Untranslatable:
            inputs = {}
    from flows.importing.draft import valid_id

    slug = valid_id(name).replace("_", "-") if name else "flow"
    step.become("subflow", {"flow": slug, "inputs": inputs})


def respond(step: Step) -> None:
    config = step.config
    how = config.get("respondWith", "firstIncomingItem")
    value: JSON = None
    if how == "json":
        value = json_of(step.parts(words(config.get("responseBody"), "{}")))
    elif how in ("text", "html"):
        value = step.text(config.get("responseBody"))
    elif how == "redirect":
        step.changed("A redirect cannot be answered: the address is given as the result.")
        value = step.text(config.get("redirectURL"))
    elif how != "noData":
        value = braced(step.arriving())
        if how == "binary":
            step.changed("Files cannot be answered yet.")
    options = mapping(config.get("options"))
    if options.get("responseCode") or listing(
        mapping(options.get("responseHeaders")).get("entries")
    ):
        step.changed("Status and headers of the answer were left out: callers get the outputs.")
    if step.draft.boxes.get(step.source.id) is not None:
        step.changed("An answer cannot be given from inside of a loop; its value is kept instead.")
        step.become("transform", {"fields": {"value": value}}, shape=Shape(("value",)))
        return
    step.become("output", {"value": value}, shape=Shape(("value",)))


def stop(step: Step) -> None:
    message = step.config.get("errorMessage") or step.config.get("errorObject") or "Stopped."
    step.become("stop", {"status": "failed", "message": step.text(message)}, exits={})
    step.draft.made[step.source.id].last = None
