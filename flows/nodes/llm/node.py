"""One question to a language model; with a schema its answer is checked data."""

from flows.engine.model_config import PromptConfig
from flows.engine.model_data import ModelData, ask_for_data, ask_model
from flows.engine.model_memory import Messages, earlier_messages, keep_turn
from flows.engine.node_type import Context, NodeType, Result, RetryDefaults


class Config(PromptConfig):
    """Everything is shared with the agent."""


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
    request = config.request((*earlier, await config.question(ctx)))
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
