"""Any server that speaks OpenAI's chat completions: vLLM, Ollama, llama.cpp, gateways.

Without an SDK: there is none for "compatible" servers, and this path carries the local model and
the benchmarks. A short streamed call costs 0.5 ms of processor time against 2 ms through one.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

import httpx2

from execution.egress import CONNECT_SECONDS, origin_entry, shared_transport
from execution.providers.base import Counted, Emit, Login, not_counted
from execution.providers.chat_turns import tools, turns
from execution.providers.failures import Failures
from execution.providers.schemas import is_strict
from execution.providers.server_events import decoded, drain, read_events
from execution.providers.turns import tool_call
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage
from flows.engine.node_type import ModelAnswer, ModelRequest, ToolCall

READ_SECONDS = 600.0
#: Of an error's body; the rest says nothing more.
_ERROR_BYTES = 65_536
_FINISH = {
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


class _Answer:
    """An answer while its pieces come in."""

    def __init__(self, emit: Emit, counted: Counted = not_counted) -> None:
        self._emit = emit
        self._counted = counted
        self._pieces: list[str] = []
        self.finish = ""
        self.refused = False
        self.usage = ModelUsage()
        self._calls: dict[int, dict[str, str]] = {}

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(
            tool_call(call["id"] or f"call_{index}", call["name"], call["arguments"])
            for index, call in sorted(self._calls.items())
        )

    def _add_calls(self, pieces: Sequence[Mapping[str, Any]]) -> None:
        """Pieces of calls: the name comes once, the arguments bit by bit."""
        for place, piece in enumerate(pieces):
            index = piece.get("index", place)
            call = self._calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
            function = piece.get("function") or {}
            call["id"] = piece.get("id") or call["id"]
            call["name"] = function.get("name") or call["name"]
            call["arguments"] += function.get("arguments") or ""

    def take(self, event: Mapping[str, Any], part: str) -> None:
        """One event, whose choice holds its message under `delta` (or `message` when whole)."""
        for choice in event.get("choices") or ():
            said = choice.get(part) or {}
            refusal = said.get("refusal")
            self.refused = self.refused or bool(refusal)
            if piece := said.get("content") or refusal:
                self._pieces.append(piece)
                self._emit(piece)
            self._add_calls(said.get("tool_calls") or ())
            self.finish = choice.get("finish_reason") or self.finish
        if usage := event.get("usage"):
            self._count(usage, whole=part == "message")

    def _count(self, usage: Mapping[str, Any], *, whole: bool) -> None:
        """Some servers count in every piece: the count after the last one is the final one."""
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        self.usage = ModelUsage(
            input_tokens=usage.get("prompt_tokens") or 0,
            output_tokens=usage.get("completion_tokens") or 0,
            cache_read_tokens=cached,
        )
        said = isinstance(usage.get("completion_tokens"), int)
        self._counted(self.usage, said and (whole or bool(self.finish)))


class OpenAICompatible:
    """One server, opened with one login. `name` begins the model's full name."""

    def __init__(
        self, login: Login, name: str = "openai_compatible", *, read_seconds: float = READ_SECONDS
    ) -> None:
        self.name = name
        self._failures = Failures(name, login)
        self._url = httpx2.URL(f"{login.address()}/chat/completions")
        self._headers = {"content-type": "application/json", "accept": "text/event-stream"}
        if login.api_key:
            self._headers["authorization"] = f"Bearer {login.api_key}"
        self._allowed = (origin_entry(login.base_url),) if login.trusted else ()
        self._extensions = {
            "timeout": httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS).as_dict()
        }

    async def complete(
        self,
        request: ModelRequest,
        model_name: str,
        *,
        emit: Emit,
        counted: Counted = not_counted,
    ) -> ModelAnswer:
        """One call. Raises NodeError."""
        answer = _Answer(emit, counted)
        sent = httpx2.Request(
            "POST",
            self._url,
            headers=self._headers,
            content=json.dumps(_body(request, model_name)).encode(),
            extensions=dict(self._extensions),
        )
        try:
            response = await shared_transport(self._allowed).handle_async_request(sent)
            try:
                await self._read(response, answer, model_name)
            finally:
                await response.aclose()
        except httpx2.HTTPError as error:
            raise self._failures.of_connection(error) from error
        except (KeyError, TypeError, AttributeError) as error:
            raise self._failures.bad_answer(error) from error
        calls = answer.tool_calls
        finish = "refusal" if answer.refused else _FINISH.get(answer.finish, "stop")
        # Some servers say "stop" behind calls.
        finish = "tool_calls" if calls and finish == "stop" else finish
        return ModelAnswer(answer.text, answer.usage, f"{self.name}/{model_name}", finish, calls)

    async def _read(self, response: httpx2.Response, answer: _Answer, model: str) -> None:
        if not response.is_success:
            raise await self._refusal(response, model)
        if response.headers.get("content-type", "").startswith("application/json"):
            # Some servers know no streaming and answer at once.
            answer.take(self._whole(await response.aread(), model), "message")
            answer.finish = answer.finish or "stop"
            return
        async with aclosing(read_events(response.aiter_raw())) as events:
            async for _, data in events:
                if data == b"[DONE]":
                    answer.finish = answer.finish or "stop"
                    await drain(events)
                    break
                answer.take(self._event(data, model), "delta")
        if not answer.finish:
            raise self._failures.broken_off()

    def _event(self, data: bytes, model: str) -> dict[str, Any]:
        event = decoded(data)
        if error := event.get("error"):
            raise self._failures.in_stream(error, model)
        return event

    _whole = _event

    async def _refusal(self, response: httpx2.Response, model: str) -> NodeError:
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > _ERROR_BYTES:
                break
        try:
            facts = json.loads(body)
        except (ValueError, RecursionError):
            facts = body.decode(errors="replace")
        return self._failures.of_status(response.status_code, facts, response.headers, model)


def _body(request: ModelRequest, model_name: str) -> dict[str, Any]:
    system = [{"role": "system", "content": request.system}] if request.system else []
    body: dict[str, Any] = {
        "model": model_name,
        "messages": [*system, *turns(request.messages)],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = tools(request.tools)
        if not request.may_call:
            body["tool_choice"] = "none"
    if request.max_tokens:
        body["max_tokens"] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.effort:
        body["reasoning_effort"] = request.effort
    if request.schema is not None:
        schema = {"name": "answer", "schema": request.schema, "strict": is_strict(request.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body
