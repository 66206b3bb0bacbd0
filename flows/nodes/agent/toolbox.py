"""Finds out what an agent's tools are, and carries out the calls that its model wants made."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.engine.doors.mcp import McpServer
from flows.engine.doors.steps import Question, Step
from flows.engine.errors import NodeError
from flows.engine.node_type import Context, Result, RetryDefaults, ToolCall, ToolSpec
from flows.engine.schemas import SchemaInvalid, mismatches
from flows.engine.together import together
from flows.engine.web_answer import read_answer
from flows.engine.web_call import is_idempotent, send
from flows.nodes.agent.tools import (
    FlowTool,
    HttpTool,
    McpTools,
    Offered,
    check_names,
    flow_schema,
    http_schema,
    tool_name,
)

JSON = Any
#: Characters of a result that the model is given; the record has all of it.
MAX_RESULT = 50_000
#: People and flows that one agent may wait for: each is kept in the history of its run.
MOST_WAITS = 500
#: Characters of arguments that a person may be asked about.
MAX_ASKED = 50_000
#: Calls that one answer may want made.
MAX_CALLS = 32
_ONCE = RetryDefaults(max_attempts=1)
_PATIENT = RetryDefaults(max_attempts=3, initial_seconds=1, backoff=2, max_seconds=30)
MCP_SECONDS = 120.0


@dataclass(frozen=True)
class Called:
    """A call that was carried out: its number among the steps, and what the model is told."""

    call: ToolCall
    number: int
    text: str
    failed: bool = False


@dataclass(frozen=True)
class _Place:
    """Where a call and its approval stand among the steps."""

    call: ToolCall
    tool: Offered | None
    number: int

    @property
    def approval(self) -> int:
        return self.number + 1


async def offered_by(
    tools: Sequence[FlowTool | HttpTool | McpTools], ctx: Context
) -> list[Offered]:
    """The tools as a model is told of them. Raises NodeError."""
    told = await together(_told(number, tool, ctx) for number, tool in enumerate(tools))
    found = [tool for some in told for tool in some]
    check_names(found)
    return found


async def _told(number: int, tool: FlowTool | HttpTool | McpTools, ctx: Context) -> list[Offered]:
    if isinstance(tool, HttpTool):
        return [Offered(tool.name, tool.description, http_schema(tool), number)]
    if isinstance(tool, FlowTool):
        facts = await ctx.flows.facts(tool.flow, tool.version)
        name = tool.name or tool_name(facts.slug)
        told = tool.description or facts.description or facts.name
        return [Offered(name, told, flow_schema(facts.fields, tool.inputs), number, facts.id)]
    listed = await ctx.mcp.tools(McpServer(tool.url, tool.credential))
    wanted = tool.tools or [item.name for item in listed]
    known = {item.name: item for item in listed}
    if missing := [name for name in wanted if name not in known]:
        message = f"The MCP server has no tool '{missing[0]}'. It has {', '.join(known) or 'none'}."
        raise NodeError("tool_unknown", message, field="tools")
    return [
        Offered(tool_name(name), known[name].description, known[name].input_schema, number, name)
        for name in wanted
    ]


class Toolbox:
    """The tools of one agent. `approvers` and `approval_seconds` are of its settings."""

    def __init__(
        self,
        tools: Sequence[FlowTool | HttpTool | McpTools],
        offered: Sequence[Offered],
        ctx: Context,
        *,
        approvers: Sequence[str],
        approval_seconds: float | None,
    ) -> None:
        self._tools = tools
        self._offered = {tool.name: tool for tool in offered}
        self._ctx = ctx
        self._approvers = list(approvers)
        self._approval_seconds = approval_seconds
        self._waits = 0

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return tuple(
            ToolSpec(tool.name, tool.description, tool.input_schema)
            for tool in self._offered.values()
        )

    async def carry_out(self, calls: Sequence[ToolCall], first: int) -> list[Called]:
        """Do what the model wants, as much of it at the same time as can be.

        `first` is the number of the first step; each call takes two. Raises NodeError only where
        there are too many; what else fails the model is told.
        """
        if len(calls) > MAX_CALLS:
            message = f"The model wants {len(calls)} calls at once; {MAX_CALLS} are the limit."
            raise NodeError("too_many_calls", message)
        places = [
            _Place(call, self._offered.get(call.name), first + 2 * at)
            for at, call in enumerate(calls)
        ]
        done = {place.number: self._refused(place) for place in places}
        left = [place for place in places if done[place.number] is None]
        free = [place for place in left if not self._tool(place).approval]
        asked = [place for place in left if self._tool(place).approval]
        await self._quick(free, done)
        answers = await self._answers([*map(self._approval, asked), *self._flows(free)])
        approved = []
        for place in asked:
            done[place.number] = _decided(place, answers[place.approval])
            approved += [place] if done[place.number] is None else []
        await self._quick(approved, done)
        answers |= await self._answers(self._flows(approved))
        for place in left:
            if done[place.number] is None:
                done[place.number] = _said(place, answers[place.number])
        return [called for place in places if (called := done[place.number]) is not None]

    async def _answers(
        self, questions: Sequence[Question]
    ) -> dict[int, dict[str, JSON] | NodeError]:
        """The answers by the numbers of the questions."""
        if not questions:
            return {}
        answers = await self._ctx.steps.answers(questions)
        return {asked.number: answer for asked, answer in zip(questions, answers, strict=True)}

    def _tool(self, place: _Place) -> FlowTool | HttpTool | McpTools:
        assert place.tool is not None
        return self._tools[place.tool.of]

    def _refused(self, place: _Place) -> Called | None:
        """Why a call cannot be made at all; None: it can."""
        call, tool = place.call, place.tool
        if tool is None:
            names = ", ".join(self._offered) or "none"
            text = f"There is no tool '{call.name[:80]}'. There are: {names}."
        elif call.arguments is None:
            text = "The arguments are no JSON object."
        else:
            try:
                wrong = mismatches(tool.input_schema, call.arguments)
            except SchemaInvalid:
                wrong = []  # the schema of a server that is not ours; it will say what it minds
            if wrong:
                text = f"The arguments do not fit: {'; '.join(wrong)}."
            elif self._tool(place).approval and len(_written(call)) > MAX_ASKED:
                text = (
                    f"A person has to check the arguments, and {len(_written(call)):,} characters "
                    f"are too many for that; {MAX_ASKED:,} are the limit."
                )
            elif not self._may_wait(self._tool(place)):
                text = (
                    f"{MOST_WAITS} people and flows were waited for, which is the limit. "
                    "Answer with what is known."
                )
            else:
                return None
        return Called(call, place.number, text, failed=True)

    def _may_wait(self, tool: FlowTool | HttpTool | McpTools) -> bool:
        """Whether another call may wait for what this tool waits for; then it counts."""
        waits = self._waits + tool.approval + isinstance(tool, FlowTool)
        if waits > MOST_WAITS:
            return False
        self._waits = waits
        return True

    async def _quick(self, places: Sequence[_Place], done: dict[int, Called | None]) -> None:
        """The calls that are no flows, at the same time."""
        quick = [place for place in places if not isinstance(self._tool(place), FlowTool)]
        for called in await together(self._one(place) for place in quick):
            done[called.number] = called

    async def _one(self, place: _Place) -> Called:
        tool = self._tool(place)
        try:
            if isinstance(tool, HttpTool):
                return await self._request(place, tool)
            assert isinstance(tool, McpTools)
            return await self._mcp(place, tool)
        except NodeError as error:
            return _said(place, error)

    async def _request(self, place: _Place, tool: HttpTool) -> Called:
        request = tool.called_with(place.call.arguments or {})

        async def work(inner: Context) -> Result:
            return Result(await read_answer(await send(request, inner), inner))

        step = Step(
            place.number,
            place.call.name,
            "http",
            {"arguments": place.call.arguments, "method": request.method, "url": request.url},
            request.timeout_seconds + 10,
            _PATIENT,
            idempotent=is_idempotent(request),
        )
        output = await self._ctx.steps.do(step, work)
        body = output["json"] if output["json"] is not None else output["text"]
        return Called(place.call, place.number, _shown(body))

    async def _mcp(self, place: _Place, tool: McpTools) -> Called:
        assert place.tool is not None
        original, arguments = place.tool.original, place.call.arguments or {}
        server = McpServer(tool.url, tool.credential)

        async def work(inner: Context) -> Result:
            answer = await inner.mcp.call(server, original, arguments)
            failed = {"is_error": True} if answer.is_error else {}
            return Result({"content": answer.content, "json": answer.json, **failed})

        facts = {"arguments": arguments, "tool": original}
        # What a tool does on another's server nobody here can tell: it is not done twice.
        step = Step(
            place.number, place.call.name, "mcp", facts, MCP_SECONDS, _ONCE, idempotent=False
        )
        output = await self._ctx.steps.do(step, work)
        texts = [part["text"] for part in output["content"] if part.get("type") == "text"]
        body = "\n".join(map(str, texts)) if texts else output["content"]
        return Called(place.call, place.number, _shown(body), bool(output.get("is_error")))

    def _flows(self, places: Sequence[_Place]) -> list[Question]:
        """Those of the calls that are flows."""
        questions = []
        for place in places:
            tool = self._tool(place)
            if isinstance(tool, FlowTool) and place.tool is not None:
                inputs = {**(place.call.arguments or {}), **tool.inputs}
                config: dict[str, JSON] = {"flow": place.tool.original, "inputs": inputs}
                if tool.version is not None:
                    config["version"] = tool.version
                questions.append(Question(place.number, place.call.name, "subflow", config))
        return questions

    def _approval(self, place: _Place) -> Question:
        shown = _written(place.call)
        question = f"May the tool '{place.call.name}' be called with these arguments?"
        config: dict[str, JSON] = {
            "message": f"{question}\n\n{shown}",
            "assignees": self._approvers,
            "on_timeout": "reject",
        }
        if self._approval_seconds is not None:
            config["timeout_seconds"] = self._approval_seconds
        name, label = place.call.name, f"Call of '{place.call.name}'"
        return Question(place.approval, name, "approval", config, label)


def _written(call: ToolCall) -> str:
    """The arguments of a call as a person reads them."""
    return json.dumps(call.arguments, ensure_ascii=False, indent=1)


def _decided(place: _Place, answer: dict[str, JSON] | NodeError) -> Called | None:
    """What the model is told where a call was not approved; None: it was."""
    if isinstance(answer, NodeError):
        return _said(place, answer)
    if answer.get("decision") == "approved":
        return None
    comment = f" They say: {answer['comment']}" if answer.get("comment") else ""
    text = f"A person did not approve this call.{comment}"
    return Called(place.call, place.number, text, failed=True)


def _said(place: _Place, answer: dict[str, JSON] | NodeError) -> Called:
    """What the model is told of a flow's outputs, or of a failure."""
    if isinstance(answer, NodeError):
        return Called(place.call, place.number, f"It failed: {answer}", failed=True)
    outputs = list(answer.values())
    return Called(place.call, place.number, _shown(outputs[0] if len(outputs) == 1 else answer))


def _shown(value: JSON) -> str:
    """A result as a model reads it."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= MAX_RESULT:
        return text
    return f"{text[:MAX_RESULT]}\n… ({len(text) - MAX_RESULT:,} more characters were left out)"
