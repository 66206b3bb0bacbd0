"""The settings that every node type which asks a language model has."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Self

from pydantic import Field

from flows.engine.config import NodeConfig, Text
from flows.engine.fallback import first_answer
from flows.engine.node_type import Context, Result

ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*/\S+$", max_length=200)]


class ModelConfig(NodeConfig):
    """Which model is asked, and which others where it fails."""

    model: Text = Field(
        default="",
        title="Model",
        description="provider/name; empty: the workspace's default model.",
        pattern=r"^$|^[a-z][a-z0-9_]*/\S+$",
        max_length=200,
        json_schema_extra={"widget": "model"},
    )
    fallback_models: list[ModelName] = Field(
        default=[],
        title="Fallback models",
        description="Asked in turn when the model before fails for good.",
        max_length=5,
        json_schema_extra={"widget": "models"},
    )

    async def asked(self, ask: Callable[[Self], Awaitable[Result]], ctx: Context) -> Result:
        """What `ask` gives for the first model that answers; `fallbacks` names those that failed.

        Raises NodeError as `first_answer` does.
        """

        async def ask_one(model: str) -> Result:
            return await ask(self.model_copy(update={"model": model}))

        result, failed = await first_answer((self.model, *self.fallback_models), ask_one, ctx)
        return replace(result, output={**result.output, "fallbacks": failed}) if failed else result
