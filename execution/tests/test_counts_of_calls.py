"""What providers say was used before a call is over, and whether that is their last word on it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from execution.providers.anthropic import _Answer as AnthropicAnswer
from execution.providers.base import Login
from execution.providers.openai import OpenAI
from execution.providers.openai_compatible import _Answer as ChatAnswer
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage

JSON = Any
Counts = list[tuple[ModelUsage, bool]]
USAGE = {"prompt_tokens": 9, "completion_tokens": 2}


def ignored(_: str) -> None:
    """Texts are not what is looked at here."""


def chat(*events: JSON, part: str = "delta") -> Counts:
    counts: Counts = []
    answer = ChatAnswer(ignored, lambda *count: counts.append(count))
    for event in events:
        answer.take(event, part)
    return counts


def test_the_count_after_the_last_piece_is_final_and_those_in_pieces_are_not() -> None:
    said = {"choices": [{"delta": {"content": "one"}}], "usage": {**USAGE, "completion_tokens": 1}}
    over = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    counts = chat(said, over, {"choices": [], "usage": USAGE})
    assert counts == [(ModelUsage(9, 1), False), (ModelUsage(9, 2), True)]
    assert chat({**over, "usage": USAGE}) == [(ModelUsage(9, 2), True)]


def test_an_answer_that_comes_whole_is_counted_and_one_without_its_tokens_is_not_final() -> None:
    whole = {"choices": [{"message": {"content": "one two"}}]}
    assert chat({**whole, "usage": USAGE}, part="message") == [(ModelUsage(9, 2), True)]
    counts = chat({**whole, "usage": {"prompt_tokens": 9}}, part="message")
    assert counts == [(ModelUsage(9, 0), False)]


def test_the_count_that_comes_with_the_reason_to_stop_is_final_where_it_counts_the_answer() -> None:
    counts: Counts = []
    answer = AnthropicAnswer(ignored, lambda *count: counts.append(count))
    answer.take({"type": "message_start", "message": {"usage": {"input_tokens": 9}}})
    stop = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    answer.take(stop)
    answer.take({**stop, "usage": {"output_tokens": 2}})
    assert counts == [(ModelUsage(9), False), (ModelUsage(9), False), (ModelUsage(9, 2), True)]


async def responses(event: JSON, counts: Counts) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()

    provider = OpenAI(Login("key"))
    await provider._read(stream(), "m", ignored, lambda *count: counts.append(count))


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        ({"input_tokens": 9, "output_tokens": 2}, [(ModelUsage(9, 2), True)]),
        ({"input_tokens": 0, "output_tokens": 0}, []),
        (None, []),
    ],
)
async def test_what_an_answer_that_failed_used_is_told(usage: JSON, told: Counts) -> None:
    counts: Counts = []
    error = {"code": "server_error", "message": "fell over"}
    failed = {"status": "failed", "error": error, "usage": usage}
    with pytest.raises(NodeError):
        await responses({"type": "response.failed", "response": failed}, counts)
    assert counts == told
