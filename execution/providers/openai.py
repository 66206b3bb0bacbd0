"""OpenAI's models through the Responses API."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import httpx2

from execution.egress import guarded_client, origin_entry
from execution.providers.base import Counted, Emit, Login, not_counted
from execution.providers.failures import Failures
from execution.providers.openai_turns import items, tools
from execution.providers.schemas import is_strict
from execution.providers.server_events import decoded, drain, read_events
from execution.providers.turns import tool_call
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage
from flows.engine.node_type import ModelAnswer, ModelRequest, ToolCall

if TYPE_CHECKING:
    import openai

OWN_ADDRESS = "https://api.openai.com/v1"
READ_SECONDS = 600.0
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
_PIECES = frozenset({"response.output_text.delta", "response.refusal.delta"})
#: The others repeat the text; they are not even decoded. An event without a name is.
_READ = _ENDS | _PIECES | {"error", "message", ""}
_INCOMPLETE = {"max_output_tokens": "length", "content_filter": "content_filter"}


class OpenAI:
    """OpenAI's API (or a gateway that speaks it), opened with one login."""

    name = "openai"

    def __init__(self, login: Login, *, read_seconds: float = READ_SECONDS) -> None:
        self._login = login
        self._address = login.address(OWN_ADDRESS)
        self._read_seconds = read_seconds
        self._failures = Failures(self.name, login)
        self._client: openai.AsyncOpenAI | None = None

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
        import openai

        body = _body(request, model_name)
        try:
            try:
                return await self._ask(client, body, model_name, emit, counted)
            except openai.BadRequestError as error:
                # Models that do not think refuse to be asked for what they thought.
                if "include" not in body or "encrypted" not in str(error.body):
                    raise
                del body["include"]
                return await self._ask(client, body, model_name, emit, counted)
        except openai.APIStatusError as error:
            raise self._failures.of_status(
                error.status_code, error.body, error.response.headers, model_name
            ) from error
        except (openai.APIError, httpx2.HTTPError) as error:
            raise self._failures.of_connection(error) from error
        except (KeyError, TypeError, AttributeError) as error:
            raise self._failures.bad_answer(error) from error

    async def _ask(
        self,
        client: "openai.AsyncOpenAI",
        body: dict[str, Any],
        model: str,
        emit: Emit,
        counted: Counted,
    ) -> ModelAnswer:
        async with client.responses.with_streaming_response.create(**body) as response:
            return await self._read(response.iter_bytes(), model, emit, counted)

    async def _open(self) -> "openai.AsyncOpenAI":
        http_client = guarded_client(
            also_allowed=(origin_entry(self._address),) if self._login.trusted else (),
            read_seconds=self._read_seconds,
        )
        # The SDK takes two seconds to import; other streams of this process go on meanwhile.
        self._client = await asyncio.to_thread(open_client, self._login, self._address, http_client)
        return self._client

    async def _read(self, stream: Any, model: str, emit: Emit, counted: Counted) -> ModelAnswer:
        pieces: list[str] = []
        refused = False
        async with aclosing(read_events(stream)) as events:
            async for name, data in events:
                if name not in _READ:
                    continue
                event = decoded(data)
                kind = event.get("type", "")
                if kind in _PIECES:
                    refused = refused or kind == "response.refusal.delta"
                    pieces.append(event["delta"])
                    emit(event["delta"])
                elif kind in _ENDS:
                    response = event["response"]
                    usage = _usage(response.get("usage") or {})
                    if usage != ModelUsage():
                        # Also of an answer that failed: it is billed.
                        counted(usage, True)
                    finish = "refusal" if refused else self._finish(response, model)
                    await drain(events)
                    output = response.get("output") or []
                    return ModelAnswer(
                        "".join(pieces),
                        usage,
                        f"{self.name}/{model}",
                        finish,
                        _tool_calls(output),
                        [_sent_back(item) for item in output if _counts(item)],
                    )
                elif kind == "error" or "error" in event:
                    raise self._failures.in_stream(event.get("error") or event, model)
        raise self._failures.broken_off()

    def _finish(self, response: Mapping[str, Any], model: str) -> str:
        if response.get("status") == "failed":
            raise self._failed(response, model)
        if response.get("status") == "incomplete":
            reason = (response.get("incomplete_details") or {}).get("reason", "")
            return _INCOMPLETE.get(reason, "stop")
        called = any(item.get("type") == "function_call" for item in response.get("output") or ())
        return "tool_calls" if called else "stop"

    def _failed(self, response: Mapping[str, Any], model: str) -> NodeError:
        return self._failures.in_stream(response.get("error") or "the answer failed", model)


def open_client(
    login: Login, address: str, http_client: httpx2.AsyncClient
) -> "openai.AsyncOpenAI":
    """The SDK's client for this login, without its own retries: the engine retries."""
    import openai

    client = openai.AsyncOpenAI(
        api_key=login.api_key, base_url=address, max_retries=0, http_client=http_client
    )
    _ = client.responses  # imported at first use, which is to be here
    if not login.trusted:
        # The SDK adds what the operator's environment holds for OpenAI; a workspace's own login,
        # whose address it chose, must not get that.
        client.organization = client.project = None
        client._custom_headers = {}
    return client


def _body(request: ModelRequest, model_name: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model_name,
        "input": items(request.messages, "openai", model_name),
        "stream": True,
        # Runs are recorded here; a second copy at the provider is nobody's wish.
        "store": False,
    }
    if request.system:
        body["instructions"] = request.system
    if request.tools:
        body["tools"] = tools(request.tools)
        if not request.may_call:
            body["tool_choice"] = "none"
        # What it thought goes back with the results of the tools; it is not kept over there.
        body["include"] = ["reasoning.encrypted_content"]
    if request.max_tokens:
        body["max_output_tokens"] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.effort:
        body["reasoning"] = {"effort": request.effort}
    if request.schema is not None:
        schema = dict(request.schema)
        strict = is_strict(schema)
        form = {"type": "json_schema", "name": "answer", "schema": schema, "strict": strict}
        body["text"] = {"format": form}
    return body


def _tool_calls(output: Sequence[Mapping[str, Any]]) -> tuple[ToolCall, ...]:
    return tuple(
        tool_call(item["call_id"], item["name"], item.get("arguments") or "")
        for item in output
        if item.get("type") == "function_call"
    )


def _counts(item: Mapping[str, Any]) -> bool:
    """Whether an item goes back: thoughts only where they came along, for nothing is kept there."""
    return item.get("type") != "reasoning" or bool(item.get("encrypted_content"))


def _sent_back(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of an answer as an input: without what only answers have."""
    left_out = ("status",) if item.get("type") == "reasoning" else ("status", "id")
    return {
        name: value for name, value in item.items() if name not in left_out and value is not None
    }


def _usage(usage: Mapping[str, Any]) -> ModelUsage:
    details = usage.get("input_tokens_details") or {}
    return ModelUsage(
        input_tokens=usage.get("input_tokens") or 0,
        output_tokens=usage.get("output_tokens") or 0,
        cache_read_tokens=details.get("cached_tokens") or 0,
        cache_write_tokens=details.get("cache_write_tokens") or 0,
    )
