"""Asks a model for data that fits a JSON Schema; once more where the first answer does not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flows.engine.errors import NodeError
from flows.engine.heavy import compute
from flows.engine.model_answer import AnswerUnreadable, json_of
from flows.engine.model_usage import ModelUsage
from flows.engine.node_type import Context, ModelAnswer, ModelRequest
from flows.engine.schemas import SchemaInvalid, mismatches

REFUSALS = ("refusal", "content_filter")


@dataclass(frozen=True)
class ModelData:
    """The answer that counts, its value, and the tokens of all calls."""

    answer: ModelAnswer
    value: Any
    usage: ModelUsage


async def ask_model(ctx: Context, request: ModelRequest) -> ModelAnswer:
    """One call. Raises NodeError, `model_refused` where the model would not answer."""
    answer = await ctx.model(request)
    if answer.finish_reason in REFUSALS:
        message = f"The model {answer.model} refused to answer. Change the prompt, or the model."
        raise NodeError("model_refused", message, details={"finish_reason": answer.finish_reason})
    return answer


async def ask_for_data(ctx: Context, request: ModelRequest, *, schema_field: str) -> ModelData:
    """Ask for data as `request.schema` has it; the model is told what was wrong, and asked again.

    `schema_field` is the setting that the schema comes from. Raises NodeError: `output_invalid`
    where the second answer does not fit either, `output_cut` where one ended too early.
    """
    assert request.schema is not None
    first = await ask_model(ctx, request)
    try:
        value = await data_in(first, request.schema, schema_field)
        return ModelData(first, value, first.usage)
    except AnswerUnreadable as error:
        complaint = error
    ctx.restart()
    messages = (
        *request.messages,
        {"role": "assistant", "content": first.text or "(nothing)"},
        repair_of(complaint),
    )
    again = await ask_model(ctx, replace(request, messages=messages))
    try:
        value = await data_in(again, request.schema, schema_field)
    except AnswerUnreadable as error:
        raise output_invalid(again, error) from error
    return ModelData(again, value, first.usage + again.usage)


def repair_of(complaint: AnswerUnreadable) -> dict[str, str]:
    """The message that asks for a better answer."""
    text = f"That answer cannot be used. {complaint} Answer again with only the corrected JSON."
    return {"role": "user", "content": text}


async def data_in(answer: ModelAnswer, schema: Mapping[str, Any], schema_field: str) -> Any:
    """The answer as data that fits the schema. Raises AnswerUnreadable or NodeError."""
    return await compute(len(answer.text), _checked, schema, answer, schema_field)


def _checked(schema: Mapping[str, Any], answer: ModelAnswer, schema_field: str) -> Any:
    try:
        value = json_of(answer.text)
        wrong = mismatches(schema, value)
    except AnswerUnreadable:
        # What was cut off is not worth repairing: the second answer would be cut off too.
        if answer.finish_reason == "length":
            message = "The answer was cut off before its JSON was complete. Raise 'max_tokens'."
            raise NodeError("output_cut", message, field="max_tokens") from None
        raise
    except SchemaInvalid as error:
        raise NodeError("config_invalid", str(error), field=schema_field) from error
    if wrong:
        raise AnswerUnreadable(f"It does not fit the schema: {'; '.join(wrong)}.")
    return value


def output_invalid(answer: ModelAnswer, complaint: AnswerUnreadable) -> NodeError:
    """For the second answer that cannot be used either."""
    message = (
        f"The model {answer.model} answered twice in a form that cannot be used. {complaint} "
        "Simplify the schema, say in the prompt what is wanted, or take a stronger model."
    )
    return NodeError("output_invalid", message, details={"answer": answer.text[:1_000]})
