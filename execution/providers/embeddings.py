"""Embeddings: OpenAI's /embeddings, which compatible servers speak too, and the offline model."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx2

from execution.credential_limits import room_for
from execution.egress import CONNECT_SECONDS, origin_entry, shared_transport
from execution.providers import local_embeddings
from execution.providers.access import limits_of
from execution.providers.base import Access, Login
from execution.providers.failures import Failures
from execution.providers.registry import NEEDS
from flows.engine.errors import NodeError
from flows.engine.node_type import ModelUsage

Kind = Literal["query", "passage"]
OPENAI = "https://api.openai.com/v1"
READ_SECONDS = 120.0
#: Bytes of an answer: 64 vectors of 4,000 numbers are some 6 MB.
MOST_BYTES = 50_000_000
_PROVIDERS = ("openai", "openai_compatible")
#: What models want before a text, by a part of their name: (before a query, before a passage).
_PREFIXES = {
    "e5-": ("query: ", "passage: "),
    "nomic-embed": ("search_query: ", "search_document: "),
    "bge-": ("", ""),
}
#: Where a server does not say what it used: characters of a token.
_TOKEN = 4


@dataclass(frozen=True)
class Embedded:
    """Vectors of length 1, one for each text, in order; `estimated`: the server did not count."""

    vectors: list[list[float]]
    usage: ModelUsage
    model: str
    estimated: bool = False


def check_embedding_model(model: str) -> None:
    """Whether this is the name of an embedding model. Raises NodeError model_unknown."""
    provider, slash, name = model.partition("/")
    if provider == "local" and name in local_embeddings.MODELS:
        return
    if provider in _PROVIDERS and slash and name.strip():
        return
    local = " or ".join(f"local/{known}" for known in local_embeddings.MODELS)
    message = (
        f"'{model[:100]}' is no embedding model: write {local} for the one that needs no network, "
        "or provider/name with one of openai, openai_compatible, as in "
        "openai/text-embedding-3-small."
    )
    raise NodeError("model_unknown", message, field="model")


async def embed(model: str, access: Access, texts: Sequence[str], kind: Kind) -> Embedded:
    """The vectors of some texts. Raises NodeError.

    `access` is what the workspace can use. Texts of one call are few enough for the provider.
    """
    check_embedding_model(model)
    provider, _, name = model.partition("/")
    if provider == "local":
        made = await local_embeddings.embed(texts, kind)
        return Embedded(_checked(made, len(texts)), _estimate(texts), model)
    login = access.logins.get(provider)
    if login is None:
        message = f"The workspace cannot use {provider} yet. {NEEDS[provider]}"
        raise NodeError("model_not_configured", message, field="model")
    failures = Failures(provider, login)
    before = _prefix(name, kind)
    body = {"model": name, "input": [before + text for text in texts], "encoding_format": "float"}
    async with room_for(limits_of(model, access)):
        answer = await _ask(login, body, failures, name)
    return _read(answer, texts, model, failures)


def _prefix(name: str, kind: Kind) -> str:
    for part, (query, passage) in _PREFIXES.items():
        if part in name.lower():
            return query if kind == "query" else passage
    return ""


def _estimate(texts: Sequence[str]) -> ModelUsage:
    return ModelUsage(input_tokens=sum(len(text) for text in texts) // _TOKEN + 1)


async def _ask(login: Login, body: Mapping[str, Any], failures: Failures, model: str) -> Any:
    address = login.address(OPENAI)
    headers = {"content-type": "application/json", "accept": "application/json"}
    headers["accept-encoding"] = "identity"
    if login.api_key:
        headers["authorization"] = f"Bearer {login.api_key}"
    timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS).as_dict()
    sent = httpx2.Request(
        "POST",
        f"{address}/embeddings",
        headers=headers,
        content=json.dumps(body).encode(),
        extensions={"timeout": timeout, "max_bytes": MOST_BYTES},
    )
    transport = shared_transport((origin_entry(address),) if login.trusted else ())
    try:
        response = await transport.handle_async_request(sent)
        try:
            content = await response.aread()
        finally:
            await response.aclose()
    except httpx2.HTTPError as error:
        raise failures.of_connection(error) from error
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        if response.is_success:
            raise failures.bad_answer(error) from error
        answer = content[:2_000].decode(errors="replace")
    if not response.is_success:
        raise failures.of_status(response.status_code, answer, response.headers, model)
    return answer


def _read(answer: Any, texts: Sequence[str], model: str, failures: Failures) -> Embedded:
    try:
        given = sorted(answer["data"], key=lambda one: one["index"])
        if [one["index"] for one in given] != list(range(len(texts))):
            raise ValueError(f"{len(given)} vectors for {len(texts)} texts")
        vectors = _checked([one["embedding"] for one in given], len(texts))
        counted = (answer.get("usage") or {}).get("prompt_tokens")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise failures.bad_answer(error) from error
    if isinstance(counted, int) and counted >= 0:
        return Embedded(vectors, ModelUsage(input_tokens=counted), model)
    return Embedded(vectors, _estimate(texts), model, estimated=True)


def _checked(vectors: Sequence[Sequence[float]], count: int) -> list[list[float]]:
    """The vectors made of length 1. Raises ValueError for what is no vector."""
    lengths = {len(vector) for vector in vectors}
    if len(vectors) != count or len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"vectors of the lengths {sorted(lengths)[:5]}")
    return [_unit(vector) for vector in vectors]


def _unit(vector: Sequence[float]) -> list[float]:
    norm = math.sqrt(sum(value * value for value in vector))
    if not math.isfinite(norm) or norm == 0:
        raise ValueError("a vector without a direction")
    return [float(value) / norm for value in vector]
