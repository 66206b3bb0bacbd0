"""What the nodes of a Dify workflow become, but for those that ask models."""

from functools import partial
from typing import Any

from flows.importing import conditions
from flows.importing.bodies import json_of
from flows.importing.code import Code, Untranslatable, braced, literal, negated, operation, or_else
from flows.importing.dify.conditions import TESTS, of_case
from flows.importing.dify.expressions import selected, template
from flows.importing.draft import Keys, Shape, valid_id
from flows.importing.source import mapping, mappings, number, words
from flows.importing.steps import Step, missing

JSON = Any
_FIELD_TYPES = {
    "text-input": "string", "paragraph": "text", "select": "string", "number": "number",
    "file": "file", "file-list": "list", "checkbox": "boolean", "json_object": "json",
    "json": "json", "external_data_tool": "string",
}  # fmt: skip


def start(step: Step) -> None:
    fields: list[dict[str, JSON]] = []
    ours: dict[tuple[str, ...], tuple[str, ...]] = {}
    if step.draft.flow.facts["mode"] == "advanced-chat":
        fields.append({"name": "query", "type": "text", "required": True})
        step.tell("Make a chat trigger for the flow.")
    for raw in mappings(step.config.get("variables")):
        name = valid_id(words(raw.get("variable"), "field"))
        if any(field["name"] == name for field in fields):
            name = f"{name[:56]}_{len(fields)}"
        field: dict[str, JSON] = {"name": name}
        field["type"] = _FIELD_TYPES.get(words(raw.get("type")), "string")
        about = words(raw.get("label"))
        if options := [words(one) for one in raw.get("options") or []]:
            about += f" (one of: {', '.join(options)})"
        if about:
            field["description"] = about[:900]
        if raw.get("required") is True:
            field["required"] = True
        if raw.get("default") not in (None, ""):
            field["default"] = raw["default"]
            if field["type"] == "number":
                field["default"] = number(raw["default"])
        fields.append(field)
        ours[(words(raw.get("variable")),)] = (name,)
    step.become("input", {"fields": fields}, shape=Shape(fields=ours))


def end(step: Step) -> None:
    value = {}
    for raw in mappings(step.config.get("outputs")):
        value[words(raw.get("variable"), "value")] = chosen(step, raw.get("value_selector"))
    step.become("output", {"value": value})


def chosen(step: Step, selector: JSON) -> str:
    """A selector as it stands in a config."""
    try:
        return braced(selected(step, selector))
    except Untranslatable as error:
        return braced(step.failed(str(selector), str(error)))


def answer(step: Step) -> None:
    value = step.text(step.config.get("answer"))
    if step.draft.boxes.get(step.source.id) is not None:
        step.changed("An answer cannot be given from inside of a loop; its text is kept instead.")
        step.become("transform", {"fields": {"answer": value}})
        return
    step.become("output", {"value": value}, shape=Shape(fields={("answer",): ("value",)}))


def if_else(step: Step) -> None:
    cases = mappings(step.config.get("cases"))
    if not cases:
        cases = [{**step.config, "case_id": "true"}]
    whens = [step.condition(partial(of_case, step, c), str(c.get("conditions"))) for c in cases]
    if len(cases) == 1:
        case = words(cases[0].get("case_id"), "true")
        exits = {"true": "true", "false": "false", case: "true"}
        step.become("if", {"condition": whens[0]}, exits=exits)
        return
    exits = {"false": "default"}
    made: list[dict[str, JSON]] = []
    for number_of, (raw, when) in enumerate(zip(cases, whens, strict=True), 1):
        exits[words(raw.get("case_id"))] = f"case_{number_of}"
        made.append({"name": f"case_{number_of}", "when": when})
    step.become("switch", {"cases": made}, exits=exits)


def to_text(step: Step) -> None:
    names: dict[str, Code] = {}
    for raw in mappings(step.config.get("variables")):
        try:
            names[words(raw.get("variable"))] = selected(step, raw.get("value_selector"))
        except Untranslatable as error:
            names[words(raw.get("variable"))] = step.failed(str(raw), str(error))
    made = template(words(step.config.get("template")), names, step)
    step.become("template", {"template": made}, shape=Shape(fields={("output",): ("text",)}))


def iteration(step: Step) -> None:
    config = step.config
    box = step.draft.flow.facts["maps"][step.source.id]
    modes = {"continue-on-error": "collect", "remove-abnormal-output": "skip"}
    together = int(number(config.get("parallel_nums")) or 10)
    box.config |= {
        "items": chosen(step, config.get("iterator_selector")),
        "concurrency": together if config.get("is_parallel") is True else 1,
    }
    if mode := modes.get(words(config.get("error_handle_mode"))):
        box.config["on_item_error"] = mode
    step.become("map", box.config, shape=Shape(fields={("output",): ("items",)}))


def loop(step: Step) -> None:
    config = step.config
    box = step.draft.flow.facts["boxes"][step.source.id]
    variables = step.draft.flow.facts["loops"][step.source.id]
    state = box.config.setdefault("state", {})
    for raw in mappings(config.get("loop_variables")):
        name = words(raw.get("label"))
        state[name] = _initial(step, raw)
        variables.initial[name] = Code("state").get(name)
    box.config["max_iterations"] = max(1, int(number(config.get("loop_count")) or 10))
    step.become("loop", box.config)


def _initial(step: Step, raw: dict[str, JSON]) -> JSON:
    value = raw.get("value")
    if raw.get("value_type") == "variable":
        return chosen(step, value)
    kind = words(raw.get("var_type"))
    if kind == "number":
        return number(value) or 0
    if kind.startswith("array") or kind in ("object", "boolean"):
        return json_of([words(value)]) if isinstance(value, str) else value
    return value


def loop_end(step: Step) -> None:
    step.become("stop", {"status": "succeeded", "leave": "container"}, exits={"-": "-"})


def while_of(step: Step) -> str:
    """Goes on until the break conditions hold, which are looked at after each round."""
    config = step.config
    form = {"conditions": config.get("break_conditions"), **{
        "logical_operator": config.get("logical_operator")}}  # fmt: skip
    if not mappings(config.get("break_conditions")):
        return "{{ true }}"
    return step.condition(
        lambda: operation("or", Code("index == 0", False), negated(of_case(step, form))),
        str(config.get("break_conditions")),
    )


def aggregator(step: Step) -> None:
    """Of several branches the value of the one that ran."""
    config = step.config
    settings = mapping(config.get("advanced_settings"))
    fields: dict[str, str] = {}
    ours: dict[Keys, Keys] = {}
    if settings.get("group_enabled") is True:
        for raw in mappings(settings.get("groups")):
            name = words(raw.get("group_name"), "group")
            fields[name] = _first(step, raw.get("variables"))
            ours[(name, "output")] = (name,)
    else:
        fields["output"] = _first(step, config.get("variables"))
    step.become("transform", {"fields": fields}, shape=Shape(fields=ours))


def _first(step: Step, selectors: JSON) -> str:
    codes = []
    for selector in selectors if isinstance(selectors, list) else []:
        try:
            codes.append(selected(step, selector))
        except Untranslatable as error:
            step.changed(f"A variable was left out, as {error}.")
    return braced(or_else([*codes, literal(None)]))


def assigner(step: Step) -> None:
    """New values of variables, kept as fields of a step that is read where they are used."""
    fields: dict[str, str] = {}
    done: dict[str, Code] = {}
    for raw in items_of(step.config):
        selector = raw["variable_selector"]
        name = words(selector[-1])
        try:
            old = done.get(str(selector)) or selected(step, selector)
            done[str(selector)] = _assigned(step, raw, old, done)
            fields[name] = braced(done[str(selector)])
        except Untranslatable as error:
            fields[name] = braced(step.failed(str(raw), str(error)))
    if not fields:
        missing(step)
        return
    step.become("transform", {"fields": fields})


def items_of(config: Any) -> list[dict[str, JSON]]:
    """The changes of an assigner, of version 2 or 1."""
    found = mappings(config.get("items"))
    if not found and config.get("assigned_variable_selector"):
        found = [{
            "variable_selector": config.get("assigned_variable_selector"),
            "operation": config.get("write_mode", "over-write"),
            "input_type": "variable",
            "value": config.get("input_variable_selector"),
        }]  # fmt: skip
    return [raw for raw in found if isinstance(raw.get("variable_selector"), list)]


def _assigned(step: Step, raw: dict[str, JSON], old: Code, done: dict[str, Code]) -> Code:
    """The new value; changes before it in the same node (`done`) count already."""
    name, value = words(raw.get("operation"), "over-write"), raw.get("value")
    if name == "clear":
        return literal(None)
    if name in ("remove-first", "remove-last"):
        ends = [literal(1)] if name == "remove-first" else [literal(0), literal(-1)]
        return old.filtered("slice", *ends)
    variable = raw.get("input_type", "variable") == "variable" and isinstance(value, list)
    new = (done.get(str(value)) or selected(step, value)) if variable else step.code(value)
    if name in ("over-write", "set"):
        return new
    if name == "append":
        return operation(
            "+", Code(f"{old.safe} | default([])", False), Code(f"[{new.text}]"), "list"
        )
    if name == "extend":
        return operation("+", Code(f"{old.safe} | default([])", False), new, "list")
    if name in ("+=", "-=", "*=", "/="):
        return operation(name[0], old, conditions.as_number(new) if new.literal else new, "number")
    raise Untranslatable(f"the operation '{name}' has no like here")


def list_operator(step: Step) -> None:
    config = step.config
    code = selected(step, config.get("variable"))
    filtered = mapping(config.get("filter_by"))
    for raw in mappings(filtered.get("conditions")) if filtered.get("enabled") is True else []:
        sign = {"equal": "==", "not_equal": "!=", "larger": ">", "smaller": "<", "at_least": ">=",
                "at_most": "<=", "contains": "contains", "in": "in"}.get(
            TESTS.get(words(raw.get("comparison_operator")), ""))  # fmt: skip
        if sign is None or not words(raw.get("key")):
            step.changed("A filter of the list was left out: write it with 'select'.")
            continue
        value = step.code(raw.get("value"))
        code = code.filtered("select", literal(words(raw["key"])), literal(sign), value)
    order = mapping(config.get("order_by"))
    if order.get("enabled") is True:
        key = [literal(words(order["key"]))] if words(order.get("key")) else [literal(None)]
        code = code.filtered("sort", *key, literal(order.get("value") == "desc"))
    limit = mapping(config.get("limit"))
    if limit.get("enabled") is True:
        code = code.filtered("slice", literal(0), literal(int(number(limit.get("size")) or 10)))
    fields = {
        "result": code,
        "first_record": code.filtered("first"),
        "last_record": code.filtered("last"),
    }
    step.become("transform", {"fields": {name: braced(made) for name, made in fields.items()}})
