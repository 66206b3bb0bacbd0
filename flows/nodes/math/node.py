"""One calculation with named numbers."""

import re
from math import isfinite
from typing import Any, Self

from pydantic import Field, model_validator

from flows.engine.config import NodeConfig
from flows.engine.errors import NodeError
from flows.engine.expressions import compile_check, evaluate, is_expression, mentions_in
from flows.engine.expressions.values import kind
from flows.engine.names import nearest
from flows.engine.node_type import NodeType, PureInputs, Result

MAX_VARIABLES = 100
#: Characters of a text that may be a number.
MAX_DIGITS = 70
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)


def _as_expression(written: str) -> str:
    """The calculation as an expression; braces that were written around it are the same."""
    bare = written.strip()
    if bare.startswith("{{") and bare.endswith("}}"):
        return bare
    return f"{{{{ {bare} }}}}"


class Config(NodeConfig):
    expression: str = Field(
        title="Expression",
        description="The calculation, with the names below: (net * (1 + tax)) | round(2).",
        min_length=1,
        json_schema_extra={"evaluate": "never"},
    )
    variables: dict[str, Any] = Field(
        default={},
        title="Variables",
        description="Name and value of each number that is calculated with.",
        max_length=MAX_VARIABLES,
        json_schema_extra={"widget": "json"},
    )

    @model_validator(mode="after")
    def _calculable(self) -> Self:
        text = _as_expression(self.expression)
        error = compile_check(text)
        if error is not None:
            raise ValueError(f"'expression': {error.message.rstrip('.')}")
        if not is_expression(text):
            raise ValueError("'expression' has to be one calculation; put nothing around it")
        for mention in mentions_in(text):
            name = mention.root
            if name not in self.variables:
                near = nearest(name, self.variables)
                cure = f"did you mean '{near}'?" if near else f"give '{name}' among the variables"
                raise ValueError(f"'expression' has the unknown name '{name}'; {cure}")
        return self


def _number(value: Any) -> Any:
    """Text that is a number counts as that number: forms and tables hold such."""
    if not isinstance(value, str) or len(value) > MAX_DIGITS or not _NUMBER.match(value.strip()):
        return value
    try:
        return int(value)
    except ValueError:
        number = float(value)
        return number if isfinite(number) else value


def run(config: Config, inputs: PureInputs) -> Result:
    """Raises NodeError where it cannot be calculated."""
    numbers = {name: _number(value) for name, value in config.variables.items()}
    try:
        value = evaluate(_as_expression(config.expression), numbers)
    except NodeError as error:
        error.field = "expression"
        raise
    if not isinstance(value, int | float):
        message = (
            f"The calculation gives {kind(value)} and no number. Check the variables, or use a "
            "transform for other values."
        )
        raise NodeError("not_a_number", message, field="expression")
    return Result({"value": value})


NODE = NodeType(
    type="math",
    title="Math",
    summary="Calculates with numbers.",
    category="data",
    icon="calculator",
    config=Config,
    pure=run,
    outputs={"value": "number"},
)
