"""Anthropic's models through the Messages API."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import httpx2

from execution.egress import guarded_client, origin_entry
from execution.providers.anthropic_turns import tools, turns
from execution.providers.base import Counted, Emit, Login, not_counted
from execution.providers.failures import Failures
from execution.providers.schemas import with_single_types
from execution.providers.server_events import decoded, drain, read_events
from execution.providers.turns import tool_call
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage
from flows.engine.node_type import ModelAnswer, ModelRequest, ToolCall

if TYPE_CHECKING:
    import anthropic

OWN_ADDRESS = "https://api.anthropic.com"
READ_SECONDS = 600.0
#: The API wants a limit of output tokens in every request.
DEFAULT_MAX_TOKENS = 4096
#: The name `message` and none are what gateways make of the others: the data tells the type.
_READ = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "message_delta",
        "message_stop",
        "error",
        "message",
        "",
    }
)
_FINISH = {
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context_window",
}
#: Pieces that are added up, by the name of what they are pieces of.
_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
#: It has five levels; lesser wishes get the least.
_EFFORT = {"none": "low", "minimal": "low"}


class _Answer:
    """An answer while its events come in."""

    def __init__(self, emit: Emit, counted: Counted = not_counted) -> None:
        self._emit = emit
        self._counted = counted
        self._blocks: dict[int, dict[str, Any]] = {}
        self._arguments: dict[int, list[str]] = {}
        self._usage: dict[str, int] = {}
        self.stop_reason = ""

    @property
    def text(self) -> str:
        return "".join(block["text"] for block in self._listed() if block["type"] == "text")

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(
            tool_call(block["id"], block["name"], "".join(self._arguments.get(index, ())))
            for index, block in sorted(self._blocks.items())
            if block["type"] == "tool_use"
        )

    @property
    def said(self) -> list[dict[str, Any]]:
        """The blocks as the API wants them back, thoughts with their signatures included."""
        inputs = {call.id: call.arguments or {} for call in self.tool_calls}
        return [
            {**block, "input": inputs[block["id"]]} if block["type"] == "tool_use" else block
            for block in self._listed()
            if block["type"] != "text" or block["text"]
        ]

    def _listed(self) -> list[dict[str, Any]]:
        """The blocks in their order, their texts in one piece."""
        return [
            {
                name: "".join(part) if name in _DELTAS.values() else part
                for name, part in block.items()
                if part is not None
            }
            for _, block in sorted(self._blocks.items())
        ]

    @property
    def usage(self) -> ModelUsage:
        read = self._usage.get("cache_read_input_tokens", 0)
        written = self._usage.get("cache_creation_input_tokens", 0)
        # This API counts cached tokens beside its input tokens, we within them.
        total = self._usage.get("input_tokens", 0) + read + written
        return ModelUsage(total, self._usage.get("output_tokens", 0), read, written)

    def take(self, event: Mapping[str, Any]) -> None:
        kind = event.get("type")
        if kind == "content_block_delta":
            self._add(event.get("index", 0), event["delta"])
        elif kind == "content_block_start":
            self._begin(event.get("index", 0), event["content_block"])
        elif kind == "message_start":
            self._count(event["message"].get("usage"), final=False)
        elif kind == "message_delta":
            self.stop_reason = event["delta"].get("stop_reason") or self.stop_reason
            usage = event.get("usage") or {}
            said = isinstance(usage.get("output_tokens"), int)
            self._count(usage, final=said and bool(self.stop_reason))

    def _begin(self, index: int, block: Mapping[str, Any]) -> None:
        begun = dict(block)
        for name in _DELTAS.values():
            if name in begun:
                begun[name] = [begun[name]] if begun[name] else []
        if begun.get("text"):
            self._emit(begun["text"][0])
        self._blocks[index] = begun

    def _add(self, index: int, delta: Mapping[str, Any]) -> None:
        kind = delta.get("type")
        if kind == "input_json_delta":
            self._arguments.setdefault(index, []).append(delta["partial_json"])
        elif kind in _DELTAS:
            name = _DELTAS[kind]
            block = self._blocks.setdefault(index, {"type": name})
            block.setdefault(name, []).append(delta[name])
            if name == "text":
                self._emit(delta["text"])

    def _count(self, usage: Mapping[str, Any] | None, *, final: bool) -> None:
        """Later counts are totals so far and replace earlier ones."""
        for name, tokens in (usage or {}).items():
            if isinstance(tokens, int):
                self._usage[name] = tokens
        self._counted(self.usage, final)


class Anthropic:
    """Anthropic's API, opened with one login."""

    name = "anthropic"

    def __init__(self, login: Login, *, read_seconds: float = READ_SECONDS) -> None:
        self._login = login
        self._address = login.address(OWN_ADDRESS)
        self._read_seconds = read_seconds
        self._failures = Failures(self.name, login)
        self._client: anthropic.AsyncAnthropic | None = None

    async def complete(
        self,
        request: ModelRequest,
        model_name: str,
        *,
        emit: Emit,
        counted: Counted = not_counted,
    ) -> ModelAnswer:
        """One call. Raises NodeError."""
        client = self._client or await self._open()
        import anthropic

        body = _body(request, model_name)
        try:
            async with client.messages.with_streaming_response.create(**body) as response:
                answer = _Answer(emit, counted)
                return await self._read(response.iter_bytes(), model_name, answer)
        except anthropic.APIStatusError as error:
            raise self._failures.of_status(
                error.status_code, error.body, error.response.headers, model_name
            ) from error
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise self._failures.of_connection(error) from error
        except (KeyError, TypeError, AttributeError) as error:
            raise self._failures.bad_answer(error) from error

    async def _open(self) -> "anthropic.AsyncAnthropic":
        http_client = guarded_client(
            also_allowed=(origin_entry(self._address),) if self._login.trusted else (),
            read_seconds=self._read_seconds,
        )
        # The SDK takes two seconds to import; other streams of this process go on meanwhile.
        self._client = await asyncio.to_thread(open_client, self._login, self._address, http_client)
        return self._client

    async def _read(self, stream: Any, model: str, answer: _Answer) -> ModelAnswer:
        async with aclosing(read_events(stream)) as events:
            async for name, data in events:
                if name not in _READ:
                    continue
                event = decoded(data)
                if event.get("type") == "error":
                    raise self._failures.in_stream(event.get("error"), model)
                if event.get("type") == "message_stop":
                    await drain(events)
                    finish = _FINISH.get(answer.stop_reason, "stop")
                    return ModelAnswer(
                        answer.text,
                        answer.usage,
                        f"{self.name}/{model}",
                        finish,
                        answer.tool_calls,
                        answer.said,
                    )
                answer.take(event)
        raise self._failures.broken_off()


def open_client(
    login: Login, address: str, http_client: httpx2.AsyncClient
) -> "anthropic.AsyncAnthropic":
    """The SDK's client for this login, without its own retries: the engine retries."""
    import anthropic

    client = anthropic.AsyncAnthropic(
        api_key=login.api_key, base_url=address, max_retries=0, http_client=http_client
    )
    _ = client.messages  # imported at first use, which is to be here
    if not login.trusted:
        # ANTHROPIC_CUSTOM_HEADERS are the operator's; a workspace's own login must not send them.
        client._custom_headers = {}
    return client


def _body(request: ModelRequest, model_name: str) -> dict[str, Any]:
    """No temperature: this API refuses it since its version of 2026-10-21."""
    body: dict[str, Any] = {
        "model": model_name,
        "max_tokens": request.max_tokens or DEFAULT_MAX_TOKENS,
        "messages": turns(request.messages, "anthropic", model_name),
        "stream": True,
    }
    if request.system:
        body["system"] = request.system
    if request.tools:
        body["tools"] = tools(request.tools)
        if not request.may_call:
            body["tool_choice"] = {"type": "none"}
    output: dict[str, Any] = {}
    if request.effort:
        output["effort"] = _EFFORT.get(request.effort, request.effort)
    if request.schema is not None:
        output["format"] = {"type": "json_schema", "schema": _schema(request.schema)}
    if output:
        body["output_config"] = output
    return body


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema in the subset that the API takes; the SDK moves the rest to descriptions."""
    import anthropic

    try:
        # Its transformation breaks on a list of types.
        return anthropic.transform_schema(with_single_types(schema))
    except (ValueError, TypeError, AttributeError) as error:
        raise NodeError(
            "model_bad_request",
            f"Anthropic cannot follow this schema: {error} Give every part a type.",
            field="output_schema",
        ) from error
