"""One question to a language model; with a schema its answer is checked data."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from flows.engine.config import Text, blank_as_none
from flows.engine.model_config import ModelConfig
from flows.engine.model_data import ModelData, ask_for_data, ask_model
from flows.engine.model_memory import Messages, ModelMemory, earlier_messages, keep_turn
from flows.engine.node_type import Context, ModelRequest, NodeType, Result, RetryDefaults
from flows.engine.schemas import check_schema


class Config(ModelConfig):
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
    output_schema: Annotated[dict[str, Any] | None, BeforeValidator(blank_as_none)] = Field(
        default=None,
        title="Output schema",
        description="A JSON Schema: the answer is checked and becomes `json`.",
        json_schema_extra={"evaluate": "never", "references": True, "widget": "json"},
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
        description="{turns: 10}: what this node said before in the session goes along.",
        json_schema_extra={"widget": "json"},
    )

    @field_validator("prompt")
    @classmethod
    def _says_something(cls, prompt: str) -> str:
        if not prompt.strip():
            raise ValueError("the prompt is empty; write one, or check what its expressions give")
        return prompt

    @field_validator("output_schema")
    @classmethod
    def _usable(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        problem = check_schema(schema) if schema is not None else None
        if problem:
            raise ValueError(problem.rstrip("."))
        return schema


async def run(config: Config, ctx: Context) -> Result:
    """Ask the model; where it fails for good and others are named, the next one."""
    earlier = await earlier_messages(config.memory, ctx)

    async def ask(one: Config) -> Result:
        return await _ask_and_check(one, earlier, ctx)

    result = await config.asked(ask, ctx)
    keep_turn(config.memory, config.prompt, result.output["text"], ctx)
    return result


async def _ask_and_check(config: Config, earlier: Messages, ctx: Context) -> Result:
    """Ask once; with a schema ask a second time when the first answer does not fit it."""
    request = ModelRequest(
        messages=(*earlier, {"role": "user", "content": config.prompt}),
        model=config.model,
        system=config.system,
        schema=config.output_schema,
        max_tokens=config.max_tokens,
        effort=config.effort,
        temperature=config.temperature,
    )
    if config.output_schema is None:
        answer = await ask_model(ctx, request)
        return _result(ModelData(answer, None, answer.usage))
    return _result(await ask_for_data(ctx, request, schema_field="output_schema"))


def _result(data: ModelData) -> Result:
    return Result(
        {
            "text": data.answer.text,
            "json": data.value,
            "usage": data.usage.as_dict(),
            "model": data.answer.model,
            "finish_reason": data.answer.finish_reason,
        }
    )


NODE = NodeType(
    type="llm",
    title="Language model",
    summary="Asks a language model; answers stream while they are written.",
    category="ai",
    icon="sparkles",
    config=Config,
    io=run,
    queue="model",
    outputs={
        "text": "text",
        "json": "any",
        "usage": "object",
        "model": "text",
        "finish_reason": "text",
    },
    streams=True,
    timeout_seconds=120,
    retry=RetryDefaults(max_attempts=4, initial_seconds=1, backoff=2, max_seconds=30),
)
