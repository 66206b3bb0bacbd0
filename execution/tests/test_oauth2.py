"""Access tokens of OAuth 2.0 credentials, from a scripted token server over a socket."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from pytest_django import Settings

from accounts.credentials.vault import open_credential
from accounts.models import AccessToken, Credential
from accounts.permissions import Actor
from accounts.services import create_credential, replace_secret
from execution import egress
from execution.database import in_database
from execution.doors.credentials import RunCredentials
from execution.doors.mcp import RunMcp
from execution.tests.flows_for_tests import new_actor
from execution.tests.mcp_servers_for_tests import McpServerOnLoopback
from flows.engine.doors.mcp import McpServer
from flows.engine.errors import NodeError
from tests.support.site import Site, answer

pytestmark = pytest.mark.usefixtures("stack", "loopback")
CLIENT_SECRET, REFRESH = "cs-canary/+ 1", "rt-canary-0"


class TokenServer(Site):
    """Gives a new token each time; `replies` come first, `rotating` replaces refresh tokens."""

    def __init__(self, *, seconds: Any = 3600, rotating: bool = False) -> None:
        super().__init__(self._given)
        self.seconds = seconds
        self.rotating = rotating
        self.replies: list[bytes] = []
        self.refresh = REFRESH

    @property
    def forms(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(body.decode())) for _, _, body in self.requests]

    async def _given(self, first: str, headers: dict[str, str], body: bytes) -> bytes:
        await asyncio.sleep(0)
        if self.replies:
            return self.replies.pop(0)
        form = dict(parse_qsl(body.decode()))
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            return refused(400, "invalid_grant", f"{form['refresh_token']} is used up")
        number = len(self.requests)
        said = {"access_token": f"at-canary-{number}", "token_type": "Bearer"}
        if self.seconds is not None:
            said["expires_in"] = self.seconds
        if self.rotating:
            said["refresh_token"] = self.refresh = f"rt-canary-{number}"
        return answer(200, json.dumps(said).encode(), content_type="application/json")


def refused(status: int, error: str, description: str = "") -> bytes:
    body = {"error": error, "error_description": description}
    return answer(status, json.dumps(body).encode())


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    async with TokenServer() as listening:
        yield listening


async def stored(server: TokenServer, **values: str) -> tuple[Actor, Credential]:
    given = {
        "token_url": f"{server.url}/token",
        "client_id": "shop",
        "client_secret": CLIENT_SECRET,
        **values,
    }

    def make() -> tuple[Actor, Credential]:
        actor = new_actor()
        return actor, create_credential(actor, name="Shop", type="oauth2", values=given)

    return await in_database(make)


async def token(actor: Actor, credentials: RunCredentials | None = None) -> str:
    doors = credentials or RunCredentials(actor.workspace_id)
    async with doors.open("Shop", ("oauth2",)) as opened:
        assert set(opened.secret) == {"token"}
        return opened.secret["token"]


async def test_s12_a_token_is_fetched_kept_sealed_and_masked(server: TokenServer) -> None:
    actor, credential = await stored(server, scope="read write", audience="https://api")
    doors = RunCredentials(actor.workspace_id)
    assert [await token(actor, doors) for _ in range(3)] == ["at-canary-1"] * 3
    (form,) = server.forms
    assert form == {
        "grant_type": "client_credentials",
        "scope": "read write",
        "audience": "https://api",
    }
    sent = b64decode(server.requests[0][1]["authorization"].removeprefix("Basic ")).decode()
    assert sent == "shop:cs-canary%2F%2B%201"
    row = await in_database(lambda: AccessToken.objects.get(credential=credential))
    assert b"canary" not in bytes(row.secret or b"")
    said = doors.masked(f"at-canary-1 {CLIENT_SECRET} {sent}")
    assert "canary" not in said


async def test_ten_calls_at_once_fetch_one_token(server: TokenServer) -> None:
    actor, _ = await stored(server, client_auth="body")
    got = await asyncio.gather(*(token(actor) for _ in range(10)))
    assert set(got) == {"at-canary-1"}
    assert len(server.requests) == 1
    assert server.forms[0]["client_secret"] == CLIENT_SECRET


async def test_a_token_is_renewed_before_it_expires_and_a_replaced_refresh_token_is_kept() -> None:
    async with TokenServer(rotating=True) as server:
        actor, credential = await stored(server, grant="refresh_token", refresh_token=REFRESH)
        assert await token(actor) == "at-canary-1"
        soon = timezone.now() + timedelta(hours=1)
        row = await in_database(lambda: AccessToken.objects.get(credential=credential))
        assert row.expires_at is not None
        assert soon - timedelta(seconds=70) < row.expires_at < soon - timedelta(seconds=50)
        past = timezone.now() - timedelta(seconds=1)
        held = AccessToken.objects.filter(credential=credential)
        await in_database(lambda: held.update(expires_at=past))
        assert await token(actor) == "at-canary-2"
        assert [form["refresh_token"] for form in server.forms] == [REFRESH, "rt-canary-1"]
        opened = await in_database(lambda: open_credential(actor.workspace_id, "Shop"))
        assert opened is not None
        assert opened.secret["refresh_token"] == "rt-canary-2"
        # A changed credential begins anew.
        values = {**credential.settings, "client_secret": "x", "refresh_token": "rt-canary-2"}
        await in_database(lambda: replace_secret(actor, credential, values))
        assert await token(actor) == "at-canary-3"


@pytest.mark.parametrize(
    ("reply", "code", "retryable"),
    [
        (refused(401, "invalid_client", f"not {CLIENT_SECRET}"), "oauth2_refused", False),
        (refused(400, "invalid_scope"), "oauth2_refused", False),
        (answer(503, b"<html>"), "oauth2_failed", True),
        (answer(200, b"<html>"), "oauth2_failed", False),
        (answer(200, b'{"access_token": 7}'), "oauth2_failed", False),
        (answer(200, b'{"access_token": "a\\nb"}'), "oauth2_failed", False),
        (answer(200, b'{"access_token": "x", "token_type": "mac"}'), "oauth2_failed", False),
        (refused(200, "server_error"), "oauth2_refused", False),
    ],
)
async def test_s12_what_a_token_server_refuses_is_told_without_secrets(
    server: TokenServer, reply: bytes, code: str, retryable: bool
) -> None:
    actor, _ = await stored(server)
    server.replies = [reply]
    with pytest.raises(NodeError) as caught:
        await token(actor)
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert "canary" not in caught.value.message
    # The next one asks at once: no claim is left behind.
    assert await token(actor) == "at-canary-2"


async def test_a_refresh_token_that_is_used_up_says_what_to_do(server: TokenServer) -> None:
    actor, _ = await stored(server, grant="refresh_token", refresh_token="rt-old-canary")
    with pytest.raises(NodeError, match="sign in anew") as caught:
        await token(actor)
    assert "canary" not in caught.value.message


async def test_a_fetch_whose_worker_died_is_taken_over(server: TokenServer) -> None:
    actor, credential = await stored(server)
    dead = {"fetcher": credential.id, "claimed_until": timezone.now() - timedelta(seconds=1)}
    await in_database(lambda: AccessToken.objects.create(credential=credential, **dead))
    assert await token(actor) == "at-canary-1"


async def test_an_mcp_server_that_refuses_a_token_gets_a_new_one_once(server: TokenServer) -> None:
    async with McpServerOnLoopback() as tools:

        async def picky(scope: Any, receive: Any, send: Any) -> None:
            headers = dict(scope.get("headers", ()))
            if scope["type"] != "http" or headers[b"authorization"] == b"Bearer at-canary-2":
                await inner(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        inner, tools._app = tools._app, picky  # type: ignore[assignment]
        actor, _ = await stored(server, url=tools.url)
        door = RunMcp(RunCredentials(actor.workspace_id))
        added = await door.call(McpServer(credential="Shop"), "add", {"one": 1, "other": 2})
        assert added.json == {"sum": 3}
        assert [form["resource"] for form in server.forms] == [tools.url] * 2


async def test_s8_a_token_server_is_reached_as_nodes_reach_the_world(
    server: TokenServer, settings: Settings
) -> None:
    settings.FLUX_ALLOW_HOSTS = []
    actor, _ = await stored(server)
    with pytest.raises(NodeError) as caught:
        await token(actor)
    assert (caught.value.code, server.requests) == ("address_refused", [])


async def test_an_http_node_sends_once_more_after_401(server: TokenServer) -> None:
    from flows.engine.web_call import WebCall, send

    def service(first: str, headers: dict[str, str], body: bytes) -> bytes:
        return answer(200 if headers["authorization"] == "Bearer at-canary-2" else 401)

    class Doors:
        files = None
        idempotency_key = "k"

        def __init__(self, actor: Actor) -> None:
            self.credentials = RunCredentials(actor.workspace_id)

        http = staticmethod(egress.fetch)

    async with Site(service) as site:
        actor, _ = await stored(server)
        call = WebCall(method="POST", url=site.url, credential="Shop", body={"a": 1})
        doors: Any = Doors(actor)
        assert (await send(call, doors)).status == 200
        assert len(site.requests) == 2
        await sync_to_async(Credential.objects.filter(workspace=actor.workspace_id).delete)()
