"""What a workspace's own login may reach and send: nothing near, nothing of the operator's."""

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
from flows.engine.node_type import ModelAnswer, ModelRequest
from tests.support.model_server import ModelServer

KEY = "sk-canary-0123456789"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    yield
    await egress.close_connections()


async def ask(provider: Provider) -> ModelAnswer:
    request = ModelRequest(({"role": "user", "content": "hello"},))
    return await asyncio.wait_for(provider.complete(request, "echo", emit=lambda _: None), 20)


@pytest.mark.parametrize("name", ["anthropic", "openai", "openai_compatible"])
async def test_s8_an_address_from_a_credential_passes_the_guard(
    name: str, server: ModelServer
) -> None:
    login = Login(KEY, f"{server.url}/v1", "a credential")
    guarded: dict[str, Provider] = {
        "anthropic": Anthropic(login),
        "openai": OpenAI(login),
        "openai_compatible": OpenAICompatible(login),
    }
    with pytest.raises(NodeError) as caught:
        await ask(guarded[name])
    assert caught.value.code == "address_refused"
    assert server.calls == []


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_a_workspaces_login_sends_nothing_of_the_operators_environment(
    name: str, server: ModelServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FLUX_ALLOW_HOSTS = ["127.0.0.1"]
    for variable in ("ANTHROPIC_CUSTOM_HEADERS", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.setenv(variable, "X-Operator: operators-secret")
    monkeypatch.setenv("OPENAI_ORG_ID", "operators-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "operators-secret")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "operators-secret")
    base = server.url if name == "anthropic" else f"{server.url}/v1"
    login = Login(KEY, base, "a credential")
    provider = Anthropic(login) if name == "anthropic" else OpenAI(login)
    await ask(provider)
    assert "operators-secret" not in json.dumps(server.calls[0].headers)
