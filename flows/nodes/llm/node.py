"""One question to a language model; with a schema its answer is checked data."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from flows.engine.config import NodeConfig, Text, blank_as_none
from flows.engine.errors import NodeError
from flows.engine.heavy import compute
from flows.engine.node_type import (
    Context,
    ModelAnswer,
    ModelRequest,
    ModelUsage,
    NodeType,
    Result,
    RetryDefaults,
)
from flows.engine.schemas import SchemaInvalid, check_schema, mismatches
from flows.nodes.llm.answer import AnswerUnreadable, json_of
from flows.nodes.llm.fallback import first_answer

ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*/\S+$", max_length=200)]
REFUSALS = ("refusal", "content_filter")


class Config(NodeConfig):
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

    async def ask(model: str) -> Result:
        return await _ask_and_check(config.model_copy(update={"model": model}), ctx)

    models = (config.model, *config.fallback_models)
    result, failed = await first_answer(models, ask, ctx)
    return replace(result, output={**result.output, "fallbacks": failed}) if failed else result


async def _ask_and_check(config: Config, ctx: Context) -> Result:
    """Ask once; with a schema ask a second time when the first answer does not fit it."""
    question = {"role": "user", "content": config.prompt}
    answer = await _ask(config, ctx, (question,))
    if config.output_schema is None:
        return _result(answer, None, (answer,))
    try:
        return _result(answer, await _checked(config, answer), (answer,))
    except AnswerUnreadable as error:
        complaint = str(error)
    repair = f"That answer cannot be used. {complaint} Answer again with only the corrected JSON."
    ctx.restart()
    again = await _ask(
        config,
        ctx,
        (
            question,
            {"role": "assistant", "content": answer.text or "(nothing)"},
            {"role": "user", "content": repair},
        ),
    )
    try:
        return _result(again, await _checked(config, again), (answer, again))
    except AnswerUnreadable as error:
        raise _output_invalid(again, str(error)) from error


async def _ask(config: Config, ctx: Context, messages: tuple[dict[str, Any], ...]) -> ModelAnswer:
    answer = await ctx.model(
        ModelRequest(
            messages=messages,
            model=config.model,
            system=config.system,
            schema=config.output_schema,
            max_tokens=config.max_tokens,
            effort=config.effort,
            temperature=config.temperature,
        )
    )
    if answer.finish_reason in REFUSALS:
        message = f"The model {answer.model} refused to answer. Change the prompt, or the model."
        raise NodeError("model_refused", message, details={"finish_reason": answer.finish_reason})
    return answer


async def _checked(config: Config, answer: ModelAnswer) -> Any:
    """The answer as data that fits the schema. Raises AnswerUnreadable or NodeError."""
    return await compute(len(answer.text), _check, config, answer)


def _check(config: Config, answer: ModelAnswer) -> Any:
    assert config.output_schema is not None
    try:
        value = json_of(answer.text)
        wrong = mismatches(config.output_schema, value)
    except AnswerUnreadable:
        # What was cut off is not worth repairing: the second answer would be cut off too.
        if answer.finish_reason == "length":
            message = "The answer was cut off before its JSON was complete. Raise 'max_tokens'."
            raise NodeError("output_cut", message, field="max_tokens") from None
        raise
    except SchemaInvalid as error:
        raise NodeError("config_invalid", str(error), field="output_schema") from error
    if wrong:
        raise AnswerUnreadable(f"It does not fit the schema: {'; '.join(wrong)}.")
    return value


def _output_invalid(answer: ModelAnswer, complaint: str) -> NodeError:
    message = (
        f"The model {answer.model} answered twice in a form that cannot be used. {complaint} "
        "Simplify the schema, say in the prompt what is wanted, or take a stronger model."
    )
    return NodeError("output_invalid", message, details={"answer": answer.text[:1_000]})


def _result(answer: ModelAnswer, value: Any, calls: tuple[ModelAnswer, ...]) -> Result:
    usage = ModelUsage(
        sum(call.usage.input_tokens for call in calls),
        sum(call.usage.output_tokens for call in calls),
        sum(call.usage.cache_read_tokens for call in calls),
        sum(call.usage.cache_write_tokens for call in calls),
    )
    return Result(
        {
            "text": answer.text,
            "json": value,
            "usage": usage.as_dict(),
            "model": answer.model,
            "finish_reason": answer.finish_reason,
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
