"""IF, Switch and Filter of n8n: conditions in the forms of all its versions."""

from functools import partial
from typing import Any

from flows.importing import conditions
from flows.importing.code import Code, Untranslatable, all_of, braced, literal
from flows.importing.draft import Shape
from flows.importing.source import listing, mapping, mappings, words
from flows.importing.steps import Step, named_case

JSON = Any
_TESTS = {
    "equals": "equal", "equal": "equal", "notEquals": "not_equal", "notEqual": "not_equal",
    "gt": "larger", "larger": "larger", "lt": "smaller", "smaller": "smaller",
    "gte": "at_least", "largerEqual": "at_least", "lte": "at_most", "smallerEqual": "at_most",
    "after": "larger", "before": "smaller", "afterOrEquals": "at_least",
    "beforeOrEquals": "at_most", "contains": "contains", "notContains": "not_contains",
    "startsWith": "starts", "notStartsWith": "not_starts", "endsWith": "ends",
    "notEndsWith": "not_ends", "empty": "empty", "isEmpty": "empty", "notEmpty": "not_empty",
    "isNotEmpty": "not_empty", "exists": "exists", "notExists": "not_exists", "true": "true",
    "false": "false", "lengthEquals": "length_equal", "lengthNotEquals": "length_not_equal",
    "lengthGt": "length_larger", "lengthLt": "length_smaller", "lengthGte": "length_at_least",
    "lengthLte": "length_at_most",
}  # fmt: skip
_WITHOUT_RIGHT = ("empty", "not_empty", "exists", "not_exists", "true", "false")


def one(step: Step, left: JSON, kind: str, name: str, right: JSON, *, cased: bool = True) -> Code:
    """One comparison. Raises Untranslatable."""
    test = _TESTS.get(name)
    if test is None:
        raise Untranslatable(f"the comparison '{name}' has no like here")
    a = step.code(left)
    if test in _WITHOUT_RIGHT:
        return conditions.test(test, a, literal(None))
    b = step.code(right)
    if kind == "number":
        a, b = _number(a), _number(b)
    elif kind == "boolean":
        a, b = conditions.as_boolean(a), conditions.as_boolean(b)
    elif not cased:
        a, b = a.filtered("lower", kind="text"), b.filtered("lower", kind="text")
    return conditions.test(test, a, b)


def _number(code: Code) -> Code:
    return conditions.as_number(code) if code.literal else code


def of_form(step: Step, form: JSON) -> Code:
    """A set of conditions, as versions 2 and 1 write it. Raises Untranslatable."""
    form = mapping(form)
    if isinstance(form.get("conditions"), list):
        cased = mapping(form.get("options")).get("caseSensitive", True) is not False
        codes = []
        for raw in mappings(form["conditions"]):
            operator = mapping(raw.get("operator"))
            name, kind = words(operator.get("operation")), words(operator.get("type"))
            left, right = raw.get("leftValue"), raw.get("rightValue")
            codes.append(one(step, left, kind, name, right, cased=cased))
        if not codes:
            raise Untranslatable("no condition is set")
        return all_of(codes, "or" if form.get("combinator") == "or" else "and")
    codes = []
    for kind in ("string", "number", "boolean", "dateTime"):
        for raw in mappings(form.get(kind)):
            default = "smaller" if kind == "number" else "equal"
            name = words(raw.get("operation"), default)
            codes.append(one(step, raw.get("value1"), kind, name, raw.get("value2")))
    if not codes:
        raise Untranslatable("no condition is set")
    any_of = step.config.get("combineOperation") == "any"
    return all_of(codes, "or" if any_of else "and")


def _shown(form: JSON) -> str:
    return str(form)[:300]


def if_(step: Step) -> None:
    form = step.config.get("conditions")
    condition = step.condition(lambda: of_form(step, form), _shown(form))
    exits = {"0": "true", "1": "false"}
    step.become("if", {"condition": condition}, exits=exits, shape=Shape(through=True))


def filter_(step: Step) -> None:
    form = step.config.get("conditions")
    if items := list_before(step):
        _filter_list(step, items, form)
        return
    condition = step.condition(lambda: of_form(step, form), _shown(form))
    exits = {"0": "true", "1": "false"}
    step.become("if", {"condition": condition}, exits=exits, shape=Shape(through=True))


def list_before(step: Step) -> Code | None:
    """The list that arrives, where what is before gives one."""
    for source in step.draft.carriers.get(step.source.id, []):
        made = step.draft.made.get(source)
        if made is not None and step.draft.has_left_map(step.source.id, source):
            return step.draft.reach(step.source.id, source, made.root)
        while made is not None and made.shape.through:
            before = step.draft.carriers.get(source, [])
            source = before[0] if before else ""
            made = step.draft.made.get(source)
        if made is not None and made.shape.items is not None:
            code = step.draft.reach(step.source.id, source, made.root)
            for key in made.shape.items:
                code = code.get(key)
            return code
    return None


def _filter_list(step: Step, items: Code, form: JSON) -> None:
    """A filter of a list by one comparison with a part of the items."""
    try:
        raws = mappings(mapping(form).get("conditions"))
        if len(raws) != 1:
            raise Untranslatable("a list is filtered by one condition here")
        left = words(raws[0].get("leftValue")).replace(" ", "")
        sign = _TESTS.get(words(mapping(raws[0].get("operator")).get("operation")), "")
        signs = {"equal": "==", "not_equal": "!=", "larger": ">", "smaller": "<",
                 "at_least": ">=", "at_most": "<=", "contains": "contains"}  # fmt: skip
        if not left.startswith("={{$json.") or sign not in signs:
            raise Untranslatable("a list is filtered by one part of its items here")
        path = left.removeprefix("={{$json.").removesuffix("}}")
        right = step.code(raws[0].get("rightValue"))
        code = items.filtered("select", literal(path), literal(signs[sign]), right, kind="list")
    except Untranslatable as error:
        code = step.failed(_shown(form), str(error))
    made = step.become(
        "transform", {"fields": {"items": braced(code)}}, shape=Shape(items=("items",))
    )
    made.exits = {"0": (step.id, "out")}


def switch(step: Step) -> None:
    if step.config.get("mode") == "expression":
        _by_number(step)
        return
    rules = step.config.get("rules")
    values = mappings(mapping(rules).get("values"))
    cases: list[dict[str, JSON]] = []
    exits: dict[str, str] = {}
    taken: set[str] = set()
    if values:
        for number, raw in enumerate(values):
            name = named_case(words(raw.get("outputKey")), taken, number + 1)
            form = raw.get("conditions")
            when = step.condition(partial(of_form, step, form), _shown(form))
            cases.append({"name": name, "when": when})
            exits[str(number)] = name
        exits[str(len(values))] = "default"
    else:
        _older(step, mappings(mapping(rules).get("rules")), cases, exits, taken)
    step.become("switch", {"cases": cases}, exits=exits, shape=Shape(through=True))


def _older(
    step: Step,
    rules: list[dict[str, JSON]],
    cases: list[dict[str, JSON]],
    exits: dict[str, str],
    taken: set[str],
) -> None:
    """Version 1: one value, compared with each rule, which names the number of its output."""
    kind, left = words(step.config.get("dataType"), "number"), step.config.get("value1")
    for number, raw in enumerate(rules):
        port = words(raw.get("output"), str(number))
        name = named_case(f"way {port}", taken, number + 1)
        test = words(raw.get("operation"), "equal")
        right = raw.get("value2")
        when = step.condition(partial(one, step, left, kind, test, right), _shown(raw))
        cases.append({"name": name, "when": when})
        if port in exits:
            step.changed(f"Two rules led to the same way on; connect the case '{name}' too.")
        exits.setdefault(port, name)
    fallback = step.config.get("fallbackOutput")
    if isinstance(fallback, int) and fallback >= 0:
        exits.setdefault(str(fallback), "default")


def _by_number(step: Step) -> None:
    """Mode 'expression': the value is the number of the way on."""
    ways = {edge.port for edge in step.draft.flow.edges if edge.source == step.source.id}
    count = max([*(int(way) for way in ways if way.isdigit()), 0]) + 1
    cases = [{"name": f"way_{number}", "when": number} for number in range(min(count, 50))]
    exits = {str(number): f"way_{number}" for number in range(len(cases))}
    config = {"value": step.text(step.config.get("output")), "cases": cases}
    step.become("switch", config, exits=exits, shape=Shape(through=True))


def ports_of(kind: str, config: dict[str, JSON]) -> int:
    """How many ways on a node has before the one for errors."""
    if kind == "if":
        return 2
    if kind == "switch":
        values = listing(mapping(config.get("rules")).get("values"))
        return len(values) + (mapping(config.get("options")).get("fallbackOutput") == "extra")
    return 2 if kind == "splitInBatches" else 1
