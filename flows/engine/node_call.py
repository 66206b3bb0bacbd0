"""Call a node type: evaluate its config, check it, and run it when it is pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from flows.engine.document_problems import dotted
from flows.engine.errors import NodeError
from flows.engine.expressions import Budget, render_with, resolve_with, trimmed
from flows.engine.expressions.budget import WORK, ExpressionError
from flows.engine.node_type import Each, NodeType, PureInputs, Result
from flows.engine.references import Load, load_all

#: Work that one node may have done for all its items together: 0.6 s of CPU at most.
EACH_WORK = 3 * WORK
type Mode = Literal["expressions", "trimmed", "template", "inside", "never"]


def _extra(field: FieldInfo | None, key: str) -> Any:
    extra = field.json_schema_extra if field is not None else None
    return extra.get(key) if isinstance(extra, dict) else None


def mode_of(node_type: NodeType, field: str) -> Mode:
    """How the texts of a config field are evaluated."""
    mode = _extra(node_type.config.model_fields.get(field), "evaluate")
    return mode if mode in ("trimmed", "template", "inside", "never") else "expressions"


def keeps_references(node_type: NodeType, field: str) -> bool:
    """Whether large values may stay references in this field."""
    return bool(_extra(node_type.config.model_fields.get(field), "references"))


def is_condition(node_type: NodeType, field: str) -> bool:
    """Whether a field decides by being true or false."""
    return bool(_extra(node_type.config.model_fields.get(field), "condition"))


def own_names(node_type: NodeType, field: str) -> Mapping[str, str] | None:
    """The names that hold in a field alone, with a type word each; None: it has none declared."""
    names = _extra(node_type.config.model_fields.get(field), "names")
    return names if isinstance(names, dict) else None


def widget_of(node_type: NodeType, field: str) -> tuple[str, tuple[str, ...]]:
    """The form's widget for a config field, and the types of things to pick that fit."""
    info = node_type.config.model_fields.get(field)
    return _extra(info, "widget") or "", tuple(_extra(info, "types") or ())


def resolve_config(
    node_type: NodeType,
    raw_config: Mapping[str, Any],
    context: Mapping[str, Any],
    *,
    load: Load | None = None,
) -> tuple[BaseModel, dict[str, Any]]:
    """The checked config, and the evaluated values as data (large ones still references).

    Raises NodeError (`config_invalid` or an expression's code) naming the field; NeedsLoad when
    a large value is needed and `load` is not given.
    """
    budget = Budget(load)
    resolved: dict[str, Any] = {}
    for name, value in raw_config.items():
        try:
            resolved[name] = _evaluated(mode_of(node_type, name), value, context, budget)
        except ExpressionError as error:
            error.field = error.field or name
            raise
    loaded = {
        name: value if keeps_references(node_type, name) else load_all(value, load)
        for name, value in resolved.items()
    }
    return check_config(node_type, loaded), resolved


def check_config(node_type: NodeType, evaluated: Mapping[str, Any]) -> BaseModel:
    """The config that evaluated values make. Raises NodeError `config_invalid` naming the field."""
    try:
        return node_type.config.model_validate(evaluated)
    except ValidationError as error:
        raise _config_invalid(error) from error


def _evaluated(mode: Mode, value: Any, context: Mapping[str, Any], budget: Budget) -> Any:
    if mode in ("never", "inside"):
        return value
    if mode == "template" and isinstance(value, str):
        return render_with(value, context, budget)
    return resolve_with(trimmed(value) if mode == "trimmed" else value, context, budget)


def _config_invalid(error: ValidationError) -> NodeError:
    findings = error.errors(include_url=False, include_input=False)
    field = dotted(findings[0]["loc"])
    sentences = [placed_sentence(finding, ":") for finding in findings[:3]]
    message = f"The settings do not fit. {' '.join(sentences)}"
    return NodeError("config_invalid", message, field=field)


def placed_sentence(finding: Any, after: str = "") -> str:
    """`config_sentence` behind the name of the field, where one field is to blame."""
    sentence = config_sentence(finding)
    if not finding["loc"]:
        return f"{sentence[0].upper()}{sentence[1:]}"
    return f"'{dotted(finding['loc'])}'{after} {sentence}"


def config_sentence(finding: Any) -> str:
    """What to do about one of pydantic's findings."""
    match finding["type"]:
        case "missing":
            return "is required; fill it in."
        case "extra_forbidden":
            return "is not a setting of this node; remove it."
        case "value_error":
            return f"{finding['ctx']['error']}."
        case "string_too_short":
            return "is empty; fill it in."
    message = finding["msg"].removeprefix("Input ").rstrip(".")
    return f"{message[0].lower()}{message[1:]}."


def run_pure(
    node_type: NodeType,
    raw_config: Mapping[str, Any],
    context: Mapping[str, Any],
    inputs: PureInputs,
    *,
    load: Load | None = None,
) -> tuple[dict[str, Any], Result]:
    """Evaluate the config and run a pure node: (evaluated config, result).

    Raises NodeError; NeedsLoad when a large value is needed and `load` is not given.
    """
    if node_type.pure is None:
        raise ValueError(f"'{node_type.type}' is not a pure node type")
    config, resolved = resolve_config(node_type, raw_config, context, load=load)
    inputs = replace(inputs, each=_for_items(context, Budget(load, units=EACH_WORK)))
    return resolved, node_type.pure(config, inputs)


def _for_items(context: Mapping[str, Any], budget: Budget) -> Each:
    scope = dict(context)

    def each(value: Any, item: Any, index: int) -> Any:
        scope["item"], scope["index"] = item, index
        return resolve_with(trimmed(value), scope, budget)

    return each
