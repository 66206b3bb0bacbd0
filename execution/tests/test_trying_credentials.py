"""Credentials are tried with a harmless call, by the same guards, and the verdict has no secret."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.errors import InvalidValue
from accounts.models import AuditEvent, Credential
from accounts.permissions import PermissionRefused, key_actor
from accounts.services import create_credential
from execution import trying_credentials
from execution.database import in_database
from execution.tests.database_relay_for_tests import DatabaseRelay
from execution.tests.flows_for_tests import new_actor
from execution.tests.mcp_servers_for_tests import McpServerOnLoopback
from execution.trying_credentials import Verdict, try_credential
from tests.support.mail_server import MailServer
from tests.support.site import Site, answer

pytestmark = pytest.mark.usefixtures("stack", "loopback")
CANARY = "sk-canary-88"


def _service(first: str, headers: dict[str, str], body: bytes) -> bytes:
    """Takes one key, in whichever header, and repeats what it was told."""
    said = json.dumps({"error": "invalid_client", "error_description": str(headers)})
    if "/token" in first:
        return answer(200, said.encode())
    known = CANARY in str(headers) or "YWRhOnNrLWNhbmFyeS04OA" in str(headers)
    return answer(200 if (known and "/models" in first) or "/ping" in first else 401, said.encode())


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    async with Site(_service) as listening:
        monkeypatch.setattr(trying_credentials, "ANTHROPIC", f"{listening.url}/v1")
        monkeypatch.setattr(trying_credentials, "OPENAI", f"{listening.url}/v1")
        yield listening


async def tried(kind: str, at: str = "", /, **values: Any) -> Verdict:
    """As a page does it, on a thread."""

    def whole() -> Verdict:
        actor = new_actor()
        credential = create_credential(actor, name="Shop", type=kind, values=values)
        try:
            verdict = try_credential(actor, credential, url=at)
            event = AuditEvent.objects.get(action="credential.try", target_id=str(credential.id))
            assert event.details == {"name": "Shop", "ok": verdict.ok}
        finally:
            Credential.objects.filter(id=credential.id).delete()
            connection.close()
        return verdict

    verdict = await asyncio.to_thread(whole)
    assert "canary" not in verdict.message
    assert verdict.milliseconds >= 0
    return verdict


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("anthropic", {"api_key": CANARY}),
        ("openai", {"api_key": CANARY}),
        ("openai", {"api_key": CANARY, "base_url": "{url}/other"}),
        ("openai_compatible", {"api_key": CANARY, "base_url": "{url}/v1/"}),
    ],
)
async def test_a_models_key_lists_models(site: Site, kind: str, values: dict[str, str]) -> None:
    given = {name: value.replace("{url}", site.url) for name, value in values.items()}
    assert (await tried(kind, **given)).ok
    assert [first.split("?")[0].endswith("/models") for first, _, _ in site.requests] == [True]
    refused = await tried(kind, **{**given, "api_key": "wrong-canary"})
    assert (refused.ok, refused.message) == (False, "It was refused: the answer was 401.")


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bearer", {"token": CANARY}),
        ("basic", {"username": "ada", "password": CANARY}),
        ("header", {"header": "X-Key", "value": CANARY}),
    ],
)
async def test_what_has_no_address_is_tried_at_one(
    site: Site, kind: str, values: dict[str, str]
) -> None:
    assert (await tried(kind, f"{site.url}/ping", **values)).ok
    assert not (await tried(kind, f"{site.url}/nothing", **values)).ok
    with pytest.raises(InvalidValue, match="Give an address"):
        await tried(kind, **values)
    with pytest.raises(InvalidValue, match="cannot be used"):
        await tried(kind, "ftp://x", **values)


async def test_an_oauth2_client_gets_a_token(site: Site) -> None:
    client = {"token_url": f"{site.url}/token", "client_id": "shop", "client_secret": "cs-canary"}
    assert not (await tried("oauth2", **client)).ok  # the error is in the answer, not the status
    site.handler = lambda *asked: answer(200, b'{"access_token": "at-canary-1"}')
    assert (await tried("oauth2", **client)).message == "The token server gave an access token."
    assert (await tried("oauth2", f"{site.url}/ping", **client)).ok


async def test_servers_that_speak_no_http_are_greeted() -> None:
    async with DatabaseRelay() as relay:
        opened = relay.credential()
        database = {**opened.settings, **opened.secret}
        assert (await tried("postgresql", **database)).ok
        # Only where the server looks at passwords would another one be refused.
        assert not (await tried("postgresql", **{**database, "database": "none"})).ok
    with MailServer() as mail:
        values = {"host": "127.0.0.1", "port": str(mail.port), "security": "none"}
        assert (await tried("smtp", sender="shop@example.com", **values)).ok
        assert (mail.connections, mail.mails) == (1, [])
    async with McpServerOnLoopback() as tools:
        found = await tried("mcp", url=tools.url)
        assert found.message == "The server speaks MCP and offers 4 tools."


@pytest.mark.parametrize("kind", ["mysql", "postgresql", "smtp", "mcp", "bearer", "oauth2"])
async def test_s8_every_type_is_tried_behind_the_guard(settings: Settings, kind: str) -> None:
    settings.FLUX_ALLOW_HOSTS = []
    host = {"host": "127.0.0.1", "port": "9"}
    login = {"username": "ada", "password": "pw-canary"}
    metadata = "http://169.254.169.254/latest/meta-data"
    values: dict[str, dict[str, str]] = {
        "mysql": {**host, **login, "database": "x"},
        "postgresql": {**host, **login, "database": "x"},
        "smtp": {**host, **login, "sender": "shop@example.com"},
        "mcp": {"url": metadata, "token": "tk-canary"},
        "bearer": {"token": CANARY},
        "oauth2": {"token_url": metadata, "client_id": "x", "client_secret": "cs-canary"},
    }
    verdict = await tried(kind, metadata if kind == "bearer" else "", **values[kind])
    assert not verdict.ok
    assert "not allowed" in verdict.message or "FLUX_ALLOW_HOSTS" in verdict.message


async def test_s9_only_who_manages_credentials_tries_them() -> None:
    def refused() -> None:
        actor = new_actor()
        row = create_credential(actor, name="Shop", type="bearer", values={"token": CANARY})
        key = key_actor(actor.workspace_id, row.id, "ci", ["runs:write", "flows:write"])
        with pytest.raises(PermissionRefused):
            try_credential(key, row, url="https://example.com")

    await in_database(refused)
