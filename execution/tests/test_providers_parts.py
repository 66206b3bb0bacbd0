"""The parts below the providers: events, error texts, strict schemas."""

import email.utils
import itertools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.providers import server_events
from execution.providers.anthropic import _Answer as AnthropicAnswer
from execution.providers.anthropic import _schema as schema_for_anthropic
from execution.providers.base import Login
from execution.providers.failures import Failures, retry_after
from execution.providers.openai_compatible import _Answer as ChatAnswer
from execution.providers.schemas import is_strict, with_single_types
from execution.providers.server_events import EventReader, decoded
from flows.engine.errors import NodeError

STREAM = (
    b': a comment\r\n\r\nevent: one\r\ndata: {"a": 1}\r\n\r\n'
    b'data:first\ndata: second\nid: 7\n\nevent: empty\n\ndata: "\xc3\xbc"\n\ndata: last'
)
EVENTS = [
    ("one", b'{"a": 1}'),
    ("", b"first\nsecond"),
    ("", b'"\xc3\xbc"'),
    ("", b"last"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_events_are_the_same_wherever_the_network_cuts(cuts: list[int]) -> None:
    reader = EventReader()
    edges = [0, *sorted(cuts), len(STREAM)]
    events = [
        event
        for start, end in itertools.pairwise(edges)
        for event in reader.feed(STREAM[start:end])
    ]
    assert events + reader.end() == EVENTS


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_events, "MAX_EVENT_BYTES", 1000)
    reader = EventReader()
    for _ in range(10):
        reader.feed(b"x" * 100)
    with pytest.raises(NodeError) as caught:
        reader.feed(b"x")
    assert caught.value.code == "too_large"


def test_a_long_line_in_many_pieces_is_read_in_linear_time() -> None:
    reader = EventReader()
    began = time.perf_counter()
    for _ in range(2_000):
        assert reader.feed(b"x" * 10_000) == []
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"null", b"\xff"])
def test_an_event_that_is_no_object_is_a_bad_answer(data: bytes) -> None:
    with pytest.raises(NodeError) as caught:
        decoded(data)
    assert (caught.value.code, caught.value.retryable) == ("model_bad_answer", True)


@pytest.fixture
def failures() -> Failures:
    return Failures("openai", Login("sk-secret-1234", source="the team's key"))


@pytest.mark.parametrize(
    ("status", "body", "code", "retryable"),
    [
        (429, {"error": {"code": "insufficient_quota", "message": "x"}}, "model_quota", False),
        (429, {"message": "Your credit balance is too low"}, "model_quota", False),
        (400, {"error": {"code": "context_length_exceeded"}}, "model_context_window", False),
        (400, {"error": "the request exceeds the available context size"}, "model_context_window",
         False),
        (400, {"detail": "bad"}, "model_bad_request", False),
        (404, "<html>", "model_unknown", False),
        (500, None, "model_unavailable", True),
        (408, {}, "timeout", True),
        (409, {}, "model_bad_request", False),
    ],
)  # fmt: skip
def test_errors_are_read_in_every_shape(
    failures: Failures, status: int, body: Any, code: str, retryable: bool
) -> None:
    error = failures.of_status(status, body, {}, "gpt")
    assert (error.code, error.retryable) == (code, retryable)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"type": "overloaded_error", "message": "busy"}, "model_unavailable"),
        ({"code": "rate_limit_exceeded"}, "model_rate_limited"),
        ({"code": 429, "message": "slow down"}, "model_rate_limited"),
        ({"code": "invalid_prompt"}, "model_bad_request"),
        ({"type": "authentication_error"}, "model_auth"),
        ("something", "model_unavailable"),
        ({"code": None, "type": None}, "model_unavailable"),
    ],
)
def test_errors_inside_a_stream_mean_what_they_mean_outside(
    failures: Failures, error: Any, code: str
) -> None:
    assert failures.in_stream(error, "gpt").code == code


def test_a_key_that_a_server_repeats_is_masked(failures: Failures) -> None:
    body = {"error": {"message": "Incorrect API key: sk-secret-1234"}}
    message = failures.of_status(401, body, {}, "gpt").message
    assert "sk-secret-1234" not in message
    assert "Incorrect API key" in message


def test_the_time_to_wait_is_read_in_every_form() -> None:
    assert retry_after({"retry-after": "3"}) == 3
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}) == 1.5
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None
    in_a_minute = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert retry_after({"retry-after": in_a_minute}) == pytest.approx(60, abs=2)
    assert retry_after({"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}) == 0


CLOSED = {"additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "object", "properties": {}, **CLOSED}, True),
        (
            {
                "type": "object",
                "properties": {"a": {"type": ["string", "null"]}, "b": {"enum": ["x"]}},
                "required": ["a", "b"],
                **CLOSED,
            },
            True,
        ),
        ({"type": "object", "properties": {"a": {"type": "string"}}, **CLOSED}, False),
        ({"type": "object", "properties": {}, "required": []}, False),
        ({"type": "array", "items": {"type": "string"}}, False),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "object", "properties": {}}},
                "required": ["a"],
                **CLOSED,
            },
            False,
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "array"}},
                "required": ["a"],
                **CLOSED,
            },
            False,
        ),
        ({"type": "object", "properties": {"a": {}}, "required": ["a"], **CLOSED}, False),
        ({"type": "object", "patternProperties": {}, **CLOSED}, False),
        ({"anyOf": [{"type": "object", **CLOSED}], "type": "object", **CLOSED}, False),
    ],
)
def test_strict_mode_is_asked_for_only_where_the_schema_qualifies(
    schema: dict[str, Any], strict: bool
) -> None:
    assert is_strict(schema) is strict


LISTED = {"type": ["number", "null"], "minimum": 0, "description": "With tax"}
APART = {
    "description": "With tax",
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}],
}


@pytest.mark.parametrize(
    ("schema", "single"),
    [
        (LISTED, APART),
        ({"type": "array", "items": LISTED}, {"type": "array", "items": APART}),
        (
            {"$defs": {"n": LISTED}, "$ref": "#/$defs/n"},
            {"$defs": {"n": APART}, "$ref": "#/$defs/n"},
        ),
        (
            {"type": ["object"], "properties": {"n": LISTED}},
            {"type": "object", "properties": {"n": APART}},
        ),
        ({"type": ["string", "null"], "anyOf": [LISTED]}, {"anyOf": [APART]}),
        (
            {"properties": {"type": {"type": "string"}}},
            {"properties": {"type": {"type": "string"}}},
        ),
    ],
)
def test_lists_of_types_become_alternatives(schema: dict[str, Any], single: dict[str, Any]) -> None:
    assert with_single_types(schema) == single


def test_anthropic_is_asked_with_a_schema_that_has_lists_of_types() -> None:
    sent = schema_for_anthropic({"type": "object", "properties": {"total": LISTED}})
    assert [way["type"] for way in sent["properties"]["total"]["anyOf"]] == ["number", "null"]


def test_thinking_is_not_part_of_the_answer() -> None:
    pieces: list[str] = []
    answer = AnthropicAnswer(pieces.append)
    deltas = [
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "text_delta", "text": "yes"},
    ]
    for index, delta in enumerate(deltas):
        answer.take({"type": "content_block_delta", "index": index, "delta": delta})
    assert (answer.text, pieces) == ("yes", ["yes"])
    chat = ChatAnswer(pieces.append)
    chat.take({"choices": [{"delta": {"reasoning_content": "hm", "content": None}}]}, "delta")
    chat.take({"choices": [{"delta": {"content": "no"}}]}, "delta")
    assert chat.text == "no"


def test_a_usage_without_details_is_read() -> None:
    chat = ChatAnswer(lambda _: None)
    chat.take({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}, "delta")
    assert (chat.usage.input_tokens, chat.usage.output_tokens) == (3, 4)
