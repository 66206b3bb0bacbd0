"""A model that works towards an answer with tools, in steps that are recorded each."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from flows.engine.config import blank_as_none
from flows.engine.doors.steps import Step
from flows.engine.errors import NodeError
from flows.engine.model_answer import AnswerUnreadable
from flows.engine.model_config import PromptConfig
from flows.engine.model_data import ask_model, data_in, output_invalid, repair_of
from flows.engine.model_memory import earlier_messages, keep_turn
from flows.engine.model_usage import ModelUsage
from flows.engine.node_type import Context, ModelAnswer, NodeType, Result, RetryDefaults, ToolCall
from flows.nodes.agent.toolbox import Called, Toolbox, offered_by
from flows.nodes.agent.tools import MAX_TOOLS, Offered, Tool, has_approvals, may_ask
from flows.nodes.approval.node import Address, as_list

JSON = Any
#: Characters of a result among the `steps` of the output; the run's record has all of it.
SHOWN = 2_000
MODEL_SECONDS = 180.0
_RETRY = RetryDefaults(max_attempts=4, initial_seconds=1, backoff=2, max_seconds=30)
_ONCE = RetryDefaults(max_attempts=2, initial_seconds=1)


class Config(PromptConfig):
    tools: list[Tool] = Field(
        default=[],
        title="Tools",
        description="Flows, HTTP requests and MCP servers that the model may call.",
        max_length=MAX_TOOLS,
    )
    max_steps: int = Field(
        default=10,
        title="Most steps",
        description="Answers of the model; in the last one it may call no more tools.",
        ge=1,
        le=100,
    )
    approvers: Annotated[list[Address], BeforeValidator(as_list)] = Field(
        default=[],
        title="Approvers",
        description="E-mail addresses of who may approve calls; none: whoever may run flows.",
        max_length=50,
        json_schema_extra={"widget": "member"},
    )
    approval_timeout_seconds: Annotated[
        Annotated[float, Field(gt=0, le=31_622_400)] | None, BeforeValidator(blank_as_none)
    ] = Field(
        default=None,
        title="Approval timeout",
        description="Seconds until a call that nobody approved counts as refused.",
    )


@dataclass
class _Work:
    """What an agent has done so far; the same after every replay of its steps."""

    messages: list[dict[str, JSON]]
    number: int = 1
    usage: ModelUsage = field(default_factory=ModelUsage)
    steps: list[dict[str, JSON]] = field(default_factory=list)

    def answered(self, answer: ModelAnswer) -> None:
        self.usage += answer.usage
        self.number += 1
        self.steps.append(
            {"type": "model", "text": answer.text[:SHOWN], "usage": answer.usage.as_dict()}
        )
        self.messages.append(
            {
                "role": "assistant",
                "content": answer.text,
                "tool_calls": [call.as_dict() for call in answer.tool_calls],
                "said": answer.said,
                "model": answer.model,
            }
        )

    def called(self, called: Called) -> None:
        self.number += 2
        key = "error" if called.failed else "result"
        self.steps.append(
            {
                "type": "tool",
                "name": called.call.name,
                "arguments": called.call.arguments,
                key: called.text[:SHOWN],
            }
        )
        self.messages.append(
            {
                "role": "tool",
                "id": called.call.id,
                "name": called.call.name,
                "content": called.text,
                "is_error": called.failed,
            }
        )


async def run(config: Config, ctx: Context) -> Result:
    """Ask, call, and ask again, until the model answers. Raises NodeError."""
    toolbox = await _toolbox(config, ctx)
    work = _Work([*await _earlier(config, ctx), await config.question(ctx)])
    for turn in range(config.max_steps):
        last = turn == config.max_steps - 1
        answer = await _ask(config, ctx, work, toolbox, may_call=not last)
        if last:
            # Some servers do not heed that it may call no more.
            answer = replace(answer, tool_calls=(), said=None)
        work.answered(answer)
        if not answer.tool_calls:
            result = await _finished(config, ctx, work, toolbox, answer)
            keep_turn(config.memory, config.prompt, result.output["text"], ctx)
            return result
        if answer.finish_reason == "length":
            message = "The answer was cut off within a call of a tool. Raise 'max_tokens'."
            raise NodeError("output_cut", message, field="max_tokens")
        for called in await toolbox.carry_out(answer.tool_calls, work.number):
            work.called(called)
    raise AssertionError("the last step returns")


async def _earlier(config: Config, ctx: Context) -> list[dict[str, JSON]]:
    """What was said before, as it was when the agent began: more may be said meanwhile."""
    if config.memory is None or ctx.session_id is None:
        return []

    async def look(inner: Context) -> Result:
        return Result({"messages": list(await earlier_messages(config.memory, ctx))})

    step = Step(0, "memory", "agent", {"turns": config.memory.turns}, 30, _ONCE)
    told = await ctx.steps.do(step, look)
    return list(told["messages"])


async def _toolbox(config: Config, ctx: Context) -> Toolbox:
    """The tools as they were when the agent began: a server may offer others meanwhile."""
    offered: list[Offered] = []
    if config.tools:

        async def look(inner: Context) -> Result:
            found = await offered_by(config.tools, inner)
            return Result({"tools": [tool.as_dict() for tool in found]})

        step = Step(0, "tools", "agent", {"tools": len(config.tools)}, 60, _ONCE)
        told = await ctx.steps.do(step, look)
        offered = [Offered(**facts) for facts in told["tools"]]
    return Toolbox(
        config.tools,
        offered,
        ctx,
        approvers=config.approvers,
        approval_seconds=config.approval_timeout_seconds,
    )


async def _ask(
    config: Config, ctx: Context, work: _Work, toolbox: Toolbox, *, may_call: bool
) -> ModelAnswer:
    """One answer of the model, as a step."""

    async def ask(inner: Context) -> Result:
        async def of(one: Config) -> Result:
            request = one.request(work.messages)
            request = replace(request, tools=toolbox.specs, may_call=may_call)
            inner.restart()
            return Result(_as_dict(await ask_model(inner, request)))

        return await config.asked(of, inner)

    first = {"prompt": config.prompt} if work.number == 1 else {}
    input = {"model": config.model, "messages": len(work.messages), **first}
    step = Step(work.number, "model", "llm", input, MODEL_SECONDS, _RETRY)
    return _answer_of(await ctx.steps.do(step, ask))


def _as_dict(answer: ModelAnswer) -> dict[str, JSON]:
    return {
        "text": answer.text,
        "tool_calls": [call.as_dict() for call in answer.tool_calls],
        "finish_reason": answer.finish_reason,
        "model": answer.model,
        "usage": answer.usage.as_dict(),
        "said": answer.said,
    }


def _answer_of(facts: Mapping[str, JSON]) -> ModelAnswer:
    return ModelAnswer(
        facts["text"],
        ModelUsage(**facts["usage"]),
        facts["model"],
        facts["finish_reason"],
        tuple(ToolCall(**call) for call in facts["tool_calls"]),
        facts["said"],
    )


async def _finished(
    config: Config, ctx: Context, work: _Work, toolbox: Toolbox, answer: ModelAnswer
) -> Result:
    """The output; with a schema the answer is checked, and asked for once more."""
    value: JSON = None
    if config.output_schema is not None:
        try:
            value = await data_in(answer, config.output_schema, "output_schema")
        except AnswerUnreadable as unreadable:
            work.messages.append(repair_of(unreadable))
            answer = await _ask(config, ctx, work, toolbox, may_call=False)
            work.answered(answer)
            try:
                value = await data_in(answer, config.output_schema, "output_schema")
            except AnswerUnreadable as error:
                raise output_invalid(answer, error) from error
    return Result(
        {
            "text": answer.text,
            "json": value,
            "steps": work.steps,
            "usage": work.usage.as_dict(),
            "model": answer.model,
            "finish_reason": answer.finish_reason,
        }
    )


NODE = NodeType(
    type="agent",
    title="Agent",
    summary="A language model that works with tools: flows, HTTP requests and MCP servers.",
    category="ai",
    icon="bot",
    config=Config,
    io=run,
    queue="model",
    outputs={
        "text": "text",
        "json": "any",
        "steps": "list",
        "usage": "object",
        "model": "text",
        "finish_reason": "text",
    },
    streams=True,
    has_steps=True,
    asks=may_ask,
    waits=has_approvals,
    timeout_seconds=900,
)
