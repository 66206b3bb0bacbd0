"""The same steps again and again, with a state that each round may change."""

from typing import Any

from pydantic import Field, create_model

from flows.engine.config import NodeConfig
from flows.engine.document import YEAR_SECONDS
from flows.engine.node_type import NodeType

MAX_ITERATIONS = 100_000

# `while` is a word of Python, so the class cannot be written as one.
Config: Any = create_model(  # type: ignore[call-overload]
    "Config",
    __base__=NodeConfig,
    __module__=__name__,
    state=(
        dict[str, Any],
        Field(
            default_factory=dict,
            title="State",
            description="What the loop begins with: name → value.",
        ),
    ),
    **{  # type: ignore[arg-type]
        "while": (
            Any,
            Field(
                default=True,
                title="While",
                description="Checked before each round; the loop ends when it does not hold.",
                json_schema_extra={"evaluate": "inside", "condition": True},
            ),
        )
    },
    update=(
        dict[str, Any],
        Field(
            default_factory=dict,
            title="Update",
            description="What a round changes in the state: name → new value.",
            json_schema_extra={"evaluate": "inside"},
        ),
    ),
    max_iterations=(
        int,
        Field(
            default=100,
            ge=1,
            le=MAX_ITERATIONS,
            title="Most rounds",
            description="The loop ends after so many rounds, whatever the condition says.",
        ),
    ),
)


NODE = NodeType(
    type="loop",
    title="Loop",
    summary="Runs the steps inside it again and again, while a condition holds.",
    category="logic",
    icon="repeat",
    config=Config,
    control="loop",
    timeout_seconds=YEAR_SECONDS,
    outputs={"state": "object", "iterations": "number"},
)
