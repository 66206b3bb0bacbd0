"""The settings that every node type which asks a language model has."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator

from flows.engine.attachments import MAX_FILES, content_of
from flows.engine.config import NodeConfig, Text, blank_as_none
from flows.engine.fallback import first_answer
from flows.engine.model_memory import ModelMemory
from flows.engine.node_type import Context, ModelRequest, Result
from flows.engine.schema_config import JSON_SCHEMA_HINTS, JsonSchema

ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*/\S+$", max_length=200)]


def full_model_name(example: str, capability: str) -> Any:
    """A field for a model that has to be named: there is no default of its kind.

    `capability` is what the catalogue of models says of those that are offered.
    """
    return Field(
        title="Model",
        description=f"provider/name. {example}",
        pattern=r"^[a-z][a-z0-9_]*/\S+$",
        max_length=200,
        json_schema_extra={"widget": "model", "capability": capability},
    )


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


def _without_nothing(value: Any) -> Any:
    """One file is a list of it; a file that was not given is none."""
    listed = value if isinstance(value, list) else [] if value in (None, "") else [value]
    return [item for item in listed if item not in (None, "")]


class PromptConfig(ModelConfig):
    """What is asked, and how it is to be answered."""

    system: Text = Field(
        default="",
        title="System",
        description="Who the model is and how it answers.",
        json_schema_extra={"widget": "text"},
    )
    prompt: Text = Field(
        title="Prompt",
        description="The question, with expressions.",
        json_schema_extra={"widget": "text"},
    )
    attachments: Annotated[list[Any], BeforeValidator(_without_nothing)] = Field(
        default=[],
        title="Attachments",
        description="Files that the model sees: pictures, PDFs and texts.",
        max_length=MAX_FILES,
    )
    output_schema: Annotated[JsonSchema | None, BeforeValidator(blank_as_none)] = Field(
        default=None,
        title="Output schema",
        description="A JSON Schema: the answer is checked and becomes `json`.",
        json_schema_extra=JSON_SCHEMA_HINTS,
    )
    max_tokens: Annotated[int | None, BeforeValidator(blank_as_none)] = Field(
        default=None,
        title="Most tokens",
        description="Longest answer, in tokens.",
        ge=1,
        le=1_000_000,
    )
    effort: Annotated[
        Literal["low", "medium", "high", "max"] | None, BeforeValidator(blank_as_none)
    ] = Field(
        default=None,
        title="Effort",
        description="How hard the model thinks, where it can be told.",
    )
    temperature: Annotated[float | None, BeforeValidator(blank_as_none)] = Field(
        default=None,
        title="Temperature",
        description="0: always alike; higher: freer. Only where the provider has it.",
        ge=0,
        le=2,
    )
    memory: Annotated[ModelMemory | None, BeforeValidator(blank_as_none)] = Field(
        default=None,
        title="Memory",
        description="What this node said before in the session goes along.",
        json_schema_extra={"widget": "json"},
    )

    @field_validator("prompt")
    @classmethod
    def _says_something(cls, prompt: str) -> str:
        if not prompt.strip():
            raise ValueError("the prompt is empty; write one, or check what its expressions give")
        return prompt

    async def question(self, ctx: Context) -> dict[str, Any]:
        """The prompt and its attachments as a message. Raises NodeError."""
        return {"role": "user", "content": await content_of(self.prompt, self.attachments, ctx)}

    def request(self, messages: Sequence[Mapping[str, Any]]) -> ModelRequest:
        """The request that these settings make of a conversation."""
        return ModelRequest(
            messages=tuple(messages),
            model=self.model,
            system=self.system,
            schema=self.output_schema,
            max_tokens=self.max_tokens,
            effort=self.effort,
            temperature=self.temperature,
        )
