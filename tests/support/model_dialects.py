"""The three protocols of the scripted model server: chat completions, responses, messages."""

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

from tests.support.model_behaviours import Behaviour
from tests.support.model_questions import Question, Tally, called

_ids = itertools.count(1)
CREATED = 1_790_000_000


def _line(data: dict[str, Any], event: str = "") -> bytes:
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def _halves(text: str) -> tuple[str, str]:
    middle = len(text) // 2
    return text[:middle], text[middle:]


class Chat:
    """POST /v1/chat/completions."""

    #: Events before the first piece of text.
    PREAMBLE = 1

    def __init__(self, question: Question, behaviour: Behaviour, tally: Tally) -> None:
        self.question, self.behaviour, self.tally = question, behaviour, tally
        self.id = f"chatcmpl-{next(_ids)}"
        finish = "stop"
        if behaviour.filter:
            finish = "content_filter"
        elif behaviour.length or behaviour.context:
            finish = "length"
        self.calls = called(question, behaviour)
        self.finish = "tool_calls" if self.calls else finish

    def usage(self) -> dict[str, Any]:
        total = self.tally
        return {
            "prompt_tokens": total.input,
            "completion_tokens": total.output,
            "total_tokens": total.input + total.output,
            "prompt_tokens_details": {"cached_tokens": total.cached},
        }

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.question.model,
            "choices": [choice],
        }

    def stream(self, pieces: Iterable[str]) -> Iterator[bytes]:
        field = "refusal" if self.behaviour.refusal else "content"
        yield _line(self._chunk({"role": "assistant", "content": ""}))
        # Built once: a benchmark's server must not spend its time on JSON.
        before, after = json.dumps(self._chunk({field: "\0"})).split('"\\u0000"')
        for piece in pieces:
            self.tally.output += 1
            yield f"data: {before}{json.dumps(piece)}{after}\n\n".encode()
        for number, (name, arguments) in enumerate(self.calls):
            self.tally.output += 1
            function = {"name": name, "arguments": ""}
            call = {"id": f"call_{self.id}_{number}", "type": "function", "function": function}
            yield _line(self._chunk({"tool_calls": [{"index": number, **call}]}))
            for piece in _halves(json.dumps(arguments)):
                more = {"index": number, "function": {"arguments": piece}}
                yield _line(self._chunk({"tool_calls": [more]}))
        yield _line(self._chunk({}, self.finish))
        if self.question.include_usage:
            yield _line({**self._chunk({}), "choices": [], "usage": self.usage()})
        yield b"data: [DONE]\n\n"

    def whole(self, text: str) -> dict[str, Any]:
        field = "refusal" if self.behaviour.refusal else "content"
        message = {"role": "assistant", "content": None, field: text}
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        head = {"id": self.id, "object": "chat.completion", "created": CREATED}
        return {
            **head,
            "model": self.question.model,
            "choices": [choice],
            "usage": self.usage(),
        }

    @staticmethod
    def error(status: int, message: str, code: str | None = None) -> dict[str, Any]:
        kind = "invalid_request_error" if status < 500 else "server_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def stream_error(self) -> bytes:
        return _line(self.error(500, "the model fell over"))


class Responses:
    """POST /v1/responses."""

    #: Events before the first piece of text.
    PREAMBLE = 3

    def __init__(self, question: Question, behaviour: Behaviour, tally: Tally) -> None:
        self.question, self.behaviour, self.tally = question, behaviour, tally
        self.id = f"resp_{next(_ids)}"
        self.reason = ""
        self.calls = called(question, behaviour)
        if behaviour.filter:
            self.reason = "content_filter"
        elif behaviour.length or behaviour.context:
            self.reason = "max_output_tokens"
        self._numbers = itertools.count()

    def _part(self, text: str) -> dict[str, Any]:
        if self.behaviour.refusal:
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": []}

    def _item(self, text: str | None, status: str) -> dict[str, Any]:
        content = [] if text is None else [self._part(text)]
        head = {"id": f"msg_{self.id}", "type": "message", "role": "assistant"}
        return {**head, "status": status, "content": content}

    def _response(self, status: str, text: str | None = None) -> dict[str, Any]:
        response: dict[str, Any] = {
            "id": self.id,
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "model": self.question.model,
            "output": [] if text is None else [self._item(text, "completed"), *self._calls()],
            "error": None,
            "incomplete_details": {"reason": self.reason} if status == "incomplete" else None,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "metadata": {},
        }
        if status in ("completed", "incomplete"):
            response["usage"] = self.usage()
        return response

    def _calls(self) -> list[dict[str, Any]]:
        """Thoughts, without which the calls would not be taken back; and the calls."""
        calls: list[dict[str, Any]] = [
            {
                "type": "function_call",
                "id": f"fc_{self.id}_{number}",
                "call_id": f"call_{self.id}_{number}",
                "name": name,
                "arguments": json.dumps(arguments),
                "status": "completed",
            }
            for number, (name, arguments) in enumerate(self.calls)
        ]
        thought = {"type": "reasoning", "id": f"rs_{self.id}", "summary": []}
        return [{**thought, "encrypted_content": "sealed"}, *calls] if calls else []

    def usage(self) -> dict[str, Any]:
        total = self.tally
        return {
            "input_tokens": total.input,
            "input_tokens_details": {
                "cached_tokens": total.cached,
                "cache_write_tokens": total.cache_written,
            },
            "output_tokens": total.output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": total.input + total.output,
        }

    def _event(self, kind: str, **facts: Any) -> bytes:
        return _line({"type": kind, "sequence_number": next(self._numbers), **facts}, kind)

    def stream(self, pieces: Iterable[str]) -> Iterator[bytes]:
        word = "refusal" if self.behaviour.refusal else "output_text"
        where = {"item_id": f"msg_{self.id}", "output_index": 0, "content_index": 0}
        started = self._item(None, "in_progress")
        yield self._event("response.created", response=self._response("in_progress"))
        yield self._event("response.output_item.added", output_index=0, item=started)
        yield self._event("response.content_part.added", **where, part=self._part(""))
        said: list[str] = []
        for piece in pieces:
            self.tally.output += 1
            said.append(piece)
            yield self._event(f"response.{word}.delta", **where, delta=piece, logprobs=[])
        self.tally.output += len(self.calls)
        text = "".join(said)
        yield self._event("response.content_part.done", **where, part=self._part(text))
        done = self._item(text, "completed")
        yield self._event("response.output_item.done", output_index=0, item=done)
        status = "incomplete" if self.reason else "completed"
        yield self._event(f"response.{status}", response=self._response(status, text))

    def whole(self, text: str) -> dict[str, Any]:
        return self._response("incomplete" if self.reason else "completed", text)

    error = staticmethod(Chat.error)

    def stream_error(self) -> bytes:
        failed = self._response("failed")
        failed["error"] = {"code": "server_error", "message": "the model fell over"}
        return self._event("response.failed", response=failed)


class Messages:
    """POST /v1/messages."""

    #: Events before the first piece of text.
    PREAMBLE = 3

    def __init__(self, question: Question, behaviour: Behaviour, tally: Tally) -> None:
        self.question, self.behaviour, self.tally = question, behaviour, tally
        self.id = f"msg_{next(_ids)}"
        self.calls = called(question, behaviour)
        self.stop = next(
            (
                reason
                for asked, reason in (
                    (self.calls, "tool_use"),
                    (behaviour.refusal or behaviour.filter, "refusal"),
                    (behaviour.context, "model_context_window_exceeded"),
                    (behaviour.length, "max_tokens"),
                )
                if asked
            ),
            "end_turn",
        )

    def usage(self, output: int) -> dict[str, Any]:
        total = self.tally
        return {
            # This API counts cached tokens beside, not within, its input tokens.
            "input_tokens": total.input - total.cached - total.cache_written,
            "cache_read_input_tokens": total.cached,
            "cache_creation_input_tokens": total.cache_written,
            "output_tokens": output,
        }

    def _message(self, content: list[Any], stop: str | None, output: int) -> dict[str, Any]:
        head = {"id": self.id, "type": "message", "role": "assistant"}
        tail = {"content": content, "stop_reason": stop, "stop_sequence": None}
        return {**head, "model": self.question.model, **tail, "usage": self.usage(output)}

    def _event(self, kind: str, **facts: Any) -> bytes:
        return _line({"type": kind, **facts}, kind)

    def stream(self, pieces: Iterable[str]) -> Iterator[bytes]:
        yield self._event("message_start", message=self._message([], None, 1))
        block = {"type": "text", "text": ""}
        yield self._event("content_block_start", index=0, content_block=block)
        yield self._event("ping")
        for piece in pieces:
            self.tally.output += 1
            delta = {"type": "text_delta", "text": piece}
            yield self._event("content_block_delta", index=0, delta=delta)
        yield self._event("content_block_stop", index=0)
        yield from self._blocks()
        stop = {"stop_reason": self.stop, "stop_sequence": None}
        yield self._event("message_delta", delta=stop, usage=self.usage(self.tally.output))
        yield self._event("message_stop")

    def _blocks(self) -> Iterator[bytes]:
        """A sealed thought, and the calls."""
        if self.calls:
            block: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}
            yield self._event("content_block_start", index=1, content_block=block)
            for delta in (
                {"type": "thinking_delta", "thinking": "hm"},
                {"type": "signature_delta", "signature": "sealed"},
            ):
                yield self._event("content_block_delta", index=1, delta=delta)
            yield self._event("content_block_stop", index=1)
        for number, (name, arguments) in enumerate(self.calls):
            self.tally.output += 1
            index = number + 2
            block = {
                "type": "tool_use",
                "id": f"toolu_{self.id}_{number}",
                "name": name,
                "input": {},
            }
            yield self._event("content_block_start", index=index, content_block=block)
            for piece in _halves(json.dumps(arguments)):
                delta = {"type": "input_json_delta", "partial_json": piece}
                yield self._event("content_block_delta", index=index, delta=delta)
            yield self._event("content_block_stop", index=index)

    def whole(self, text: str) -> dict[str, Any]:
        return self._message([{"type": "text", "text": text}], self.stop, self.tally.output)

    @staticmethod
    def error(status: int, message: str, code: str | None = None) -> dict[str, Any]:
        kinds = {
            400: "invalid_request_error",
            401: "authentication_error",
            403: "permission_error",
            404: "not_found_error",
            429: "rate_limit_error",
            529: "overloaded_error",
        }
        kind = kinds.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": None}

    def stream_error(self) -> bytes:
        error = {"type": "overloaded_error", "message": "Overloaded"}
        return self._event("error", error=error, request_id=None)


type Dialect = Chat | Responses | Messages
type Speaker = Dialect | type[Chat]
DIALECTS: dict[str, type[Chat] | type[Responses] | type[Messages]] = {
    "/v1/chat/completions": Chat,
    "/v1/responses": Responses,
    "/v1/messages": Messages,
}
