"""Every provider against the scripted model server: what streams, what is counted, what fails."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from execution import egress
from execution.providers.anthropic import Anthropic
from execution.providers.base import Login, Provider
from execution.providers.openai import OpenAI
from execution.providers.openai_compatible import OpenAICompatible
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage
from flows.engine.node_type import ModelAnswer, ModelRequest
from tests.support.model_behaviours import REFUSAL, Behaviour
from tests.support.model_server import ModelServer

KEY = "sk-canary-0123456789"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"urgent": {"type": "boolean"}, "score": {"type": "integer"}},
    "required": ["urgent", "score"],
    "additionalProperties": False,
}
NAMES = ("anthropic", "openai", "openai_compatible")


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(autouse=True)
async def clean(server: ModelServer) -> AsyncIterator[None]:
    server.reset()
    yield
    await egress.close_connections()


def opened(name: str, server: ModelServer, read_seconds: float = 5) -> Provider:
    base = server.url if name == "anthropic" else f"{server.url}/v1"
    login = Login(KEY, base, f"{name}'s test key", trusted=True)
    if name == "anthropic":
        return Anthropic(login, read_seconds=read_seconds)
    if name == "openai":
        return OpenAI(login, read_seconds=read_seconds)
    return OpenAICompatible(login, read_seconds=read_seconds)


@pytest.fixture(params=NAMES)
def provider(request: pytest.FixtureRequest, server: ModelServer) -> Provider:
    return opened(request.param, server)


def asking(prompt: str, **facts: Any) -> ModelRequest:
    return ModelRequest(({"role": "user", "content": prompt},), **facts)


async def ask(
    provider: Provider, model: str, prompt: str = "hello there you", **facts: Any
) -> tuple[ModelAnswer, list[str]]:
    pieces: list[str] = []
    answer = await asyncio.wait_for(
        provider.complete(asking(prompt, **facts), model, emit=pieces.append), 20
    )
    return answer, pieces


async def failing(provider: Provider, model: str, prompt: str = "hello there you") -> NodeError:
    with pytest.raises(NodeError) as caught:
        await ask(provider, model, prompt)
    assert KEY not in caught.value.message
    return caught.value


async def test_text_streams_in_pieces_and_tokens_are_counted_exactly(provider: Provider) -> None:
    answer, pieces = await ask(provider, "cached-2", "hello there my friend", system="be kind")
    assert pieces == ["hello ", "there ", "my ", "friend"]
    assert answer.text == "hello there my friend"
    assert answer.usage == ModelUsage(input_tokens=6, output_tokens=4, cache_read_tokens=2)
    assert answer.model == f"{provider.name}/cached-2"
    assert answer.finish_reason == "stop"


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_tokens_written_to_the_cache_are_part_of_the_input(
    name: str, server: ModelServer
) -> None:
    answer, _ = await ask(opened(name, server), "cached-1+cache-written-2", "one two three four")
    assert answer.usage == ModelUsage(4, 4, cache_read_tokens=1, cache_write_tokens=2)


async def test_pieces_arrive_while_the_model_still_writes(provider: Provider) -> None:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    await provider.complete(asking("x"), "tokens-10x30ms", emit=lambda _: times.append(loop.time()))
    assert len(times) == 10
    assert times[-1] - times[0] > 0.2


async def test_the_key_and_the_conversation_reach_the_server(
    provider: Provider, server: ModelServer
) -> None:
    messages = (
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "second"},
        {"role": "user", "content": "third"},
    )
    request = ModelRequest(messages, system="rules", max_tokens=77)
    await provider.complete(request, "echo", emit=lambda _: None)
    call = server.calls[0]
    assert call.prompt == "rules\nfirst\nsecond\nthird"
    assert KEY in (call.headers.get("authorization", "") + call.headers.get("x-api-key", ""))
    limit = {"openai": "max_output_tokens"}.get(provider.name, "max_tokens")
    assert call.body[limit] == 77
    assert call.body["stream"] is True


async def test_a_schema_is_sent_and_its_answer_returned(
    provider: Provider, server: ModelServer
) -> None:
    answer, _ = await ask(provider, "json", schema=SCHEMA)
    assert json.loads(answer.text) == {"urgent": True, "score": 1}
    sent = server.calls[0].body
    if provider.name == "anthropic":
        assert sent["output_config"]["format"]["type"] == "json_schema"
    elif provider.name == "openai":
        assert sent["text"]["format"]["strict"] is True
    else:
        assert sent["response_format"]["json_schema"]["strict"] is True


async def test_temperature_and_effort_go_only_where_they_exist(
    provider: Provider, server: ModelServer
) -> None:
    await ask(provider, "echo", temperature=0.3, effort="minimal")
    sent = server.calls[0].body
    if provider.name == "anthropic":
        assert "temperature" not in sent
        assert sent["output_config"] == {"effort": "low"}
        assert sent["max_tokens"] == 4096
    else:
        assert sent["temperature"] == 0.3
        effort = sent.get("reasoning_effort") or sent["reasoning"]["effort"]
        assert effort == "minimal"


@pytest.mark.parametrize(
    ("model", "reason"),
    [("length", "length"), ("refusal", "refusal"), ("echo", "stop")],
)
async def test_the_end_of_an_answer_has_one_vocabulary(
    provider: Provider, model: str, reason: str
) -> None:
    answer, _ = await ask(provider, model)
    assert answer.finish_reason == reason
    assert answer.text == (REFUSAL if model == "refusal" else "hello there you")


async def test_filtered_answers_say_so(provider: Provider) -> None:
    answer, _ = await ask(provider, "filter")
    expected = "refusal" if provider.name == "anthropic" else "content_filter"
    assert answer.finish_reason == expected


async def test_a_full_context_window_is_told_from_a_limit(server: ModelServer) -> None:
    answer, _ = await ask(opened("anthropic", server), "context")
    assert answer.finish_reason == "context_window"


@pytest.mark.parametrize(
    ("model", "code", "retryable"),
    [
        ("error-400", "model_bad_request", False),
        ("error-401", "model_auth", False),
        ("error-402", "model_quota", False),
        ("error-403", "model_auth", False),
        ("error-404", "model_unknown", False),
        ("error-413", "model_bad_request", False),
        ("error-422", "model_bad_request", False),
        ("error-429", "model_rate_limited", True),
        ("error-500", "model_unavailable", True),
        ("error-503", "model_unavailable", True),
        ("error-529", "model_unavailable", True),
        ("error-504", "timeout", True),
        ("error-307", "model_bad_request", False),
        ("too-long", "model_context_window", False),
        ("disconnect", "model_unavailable", True),
        ("cut", "model_unavailable", True),
        ("stream-error", "model_unavailable", True),
        ("malformed", "model_bad_answer", True),
    ],
)
async def test_each_failure_has_its_code_and_says_whether_to_try_again(
    provider: Provider, model: str, code: str, retryable: bool
) -> None:
    error = await failing(provider, model)
    assert (error.code, error.retryable) == (code, retryable)


async def test_a_refused_key_names_the_credential_and_hides_the_key(
    provider: Provider, server: ModelServer
) -> None:
    error = await failing(provider, "error-401")
    assert f"{provider.name}'s test key" in error.message
    assert error.details["status"] == 401


async def test_the_wait_that_a_provider_asks_for_is_passed_on(
    provider: Provider, server: ModelServer
) -> None:
    assert (await failing(provider, "error-429-retry-7")).retry_after == 7
    assert len(server.calls) == 1  # the SDK does not retry by itself


async def test_a_model_that_says_nothing_is_left_after_the_read_time(server: ModelServer) -> None:
    for name in NAMES:
        error = await failing(opened(name, server, read_seconds=0.3), "hang")
        assert (error.code, error.retryable) == ("timeout", True), name


async def test_a_server_that_is_down_is_unavailable(server: ModelServer) -> None:
    for name in NAMES:
        with ModelServer() as gone:
            provider = opened(name, gone)
        error = await failing(provider, "echo")
        assert (error.code, error.retryable) == ("model_unavailable", True), name


async def test_cancelling_ends_the_call_at_the_server_at_once(
    provider: Provider, server: ModelServer
) -> None:
    begun = asyncio.Event()
    call = asyncio.ensure_future(
        provider.complete(asking("x"), "tokens-500x20ms", emit=lambda _: begun.set())
    )
    await asyncio.wait_for(begun.wait(), 15)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    for _ in range(100):
        if server.calls[0].state == "aborted":
            break
        await asyncio.sleep(0.02)
    assert server.calls[0].state == "aborted"


async def test_what_anthropic_counts_at_the_start_is_known_before_the_end(
    server: ModelServer,
) -> None:
    counts: list[tuple[ModelUsage, bool]] = []
    known_at_first_piece: list[int] = []
    await opened("anthropic", server).complete(
        asking("one two three"),
        "cached-1",
        emit=lambda _: known_at_first_piece.append(counts[-1][0].input_tokens),
        counted=lambda usage, final: counts.append((usage, final)),
    )
    assert known_at_first_piece == [3, 3, 3]
    assert [final for _, final in counts] == [False, True]
    assert counts[-1][0] == ModelUsage(3, 3, cache_read_tokens=1)


async def test_an_answer_of_ten_megabytes_arrives_whole(provider: Provider) -> None:
    answer, pieces = await ask(provider, "size-10mb")
    assert len(answer.text) == 10_000_000
    assert sum(map(len, pieces)) == 10_000_000
    assert answer.usage.output_tokens == len(pieces)


async def test_connections_are_used_again(provider: Provider, server: ModelServer) -> None:
    before = server.connections
    for _ in range(5):
        await ask(provider, "echo")
    assert server.connections - before == 1


async def test_a_call_after_failures_works(provider: Provider) -> None:
    for _ in range(2):
        assert (await failing(provider, "flaky-2", "come on")).retryable
    answer, _ = await ask(provider, "flaky-2", "come on")
    assert answer.text == "come on"


async def test_s2_markers_in_what_a_model_answers_stay_text(
    provider: Provider, server: ModelServer
) -> None:
    server.script("asked", Behaviour(text='{{ 1 + 1 }} <b>"\\u00e9\n</b>'))
    answer, _ = await ask(provider, "claude", "asked")
    assert answer.text == '{{ 1 + 1 }} <b>"\\u00e9\n</b>'
