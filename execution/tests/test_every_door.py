"""Every door that opens a connection keeps away from what is near (S8).

The corpus of addresses itself is in test_egress_addresses.py; here each form of them is tried at
each door, for a door that opens its connections in another way would be open to all of them.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Self

import pytest
from pytest_django import Settings

from execution import egress
from execution.doors.mail import RunMail
from execution.doors.mcp import RunMcp
from execution.doors.sql import RunSql
from execution.providers.anthropic import Anthropic
from execution.providers.base import Access, Login, Provider
from execution.providers.embeddings import embed
from execution.providers.media import MediaEndpoints
from execution.providers.openai import OpenAI
from execution.providers.openai_compatible import OpenAICompatible
from flows.engine.doors.credentials import OpenedCredential
from flows.engine.doors.mail import Mail
from flows.engine.doors.mcp import McpServer
from flows.engine.doors.media import Recording
from flows.engine.doors.sql import SqlQuery
from flows.engine.errors import NodeError
from flows.engine.mail_addresses import MailAddress
from flows.engine.node_type import ModelRequest
from flows.engine.tests.support import FakeCredentials
from fluxprompt.paths import ROOT
from tests.support.site import Site, answer

#: Ways to write what is near, as hosts in an address.
HOSTS = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "169.254.169.254",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "198.18.0.1",
    "[fe80::1]",
    "①②⑦.0.0.1",
]
#: A name that the tests' own resolver knows.
NAME = "rebind.example"
type Door = Callable[[str, int], Awaitable[object]]


def login(host: str, port: int) -> Login:
    """A workspace's own, whose address nobody vouches for."""
    return Login("sk-test", f"http://{host}:{port}/v1", "a credential")


def model(open_provider: Callable[[Login], Provider]) -> Door:
    request = ModelRequest(({"role": "user", "content": "Hello"},))

    def call(host: str, port: int) -> Awaitable[object]:
        provider = open_provider(login(host, port))
        return provider.complete(request, "echo", emit=lambda _: None)

    return call


def media(host: str, port: int) -> MediaEndpoints:
    return MediaEndpoints("openai", login(host, port))


def heard(host: str, port: int) -> Awaitable[object]:
    recording = Recording("talk.mp3", "audio/mpeg", b"ID3")
    return media(host, port).transcribe("x", recording, language="", prompt="")


def said(host: str, port: int) -> Awaitable[object]:
    made = media(host, port)
    return made.speech("x", "Hi", voice="alloy", format="mp3", instructions="")


def drawn(host: str, port: int) -> Awaitable[object]:
    return media(host, port).image("x", "a fox", size="", quality="")


def embedded(host: str, port: int) -> Awaitable[object]:
    access = Access({"openai_compatible": login(host, port)})
    return embed("openai_compatible/x", access, ["x"], "query")


def credential(kind: str, host: str, port: int, **more: str) -> FakeCredentials:
    place = {"host": host.strip("[]"), "port": str(port), **more}
    return FakeCredentials({"Door": OpenedCredential("Door", kind, place, {"password": "pw"})})


def database(kind: str) -> Door:
    def ask(host: str, port: int) -> Awaitable[object]:
        more = {"database": "x", "username": "x", "tls": "off"}
        query = SqlQuery("SELECT 1", seconds=5)
        return RunSql(credential(kind, host, port, **more)).run("Door", query)

    return ask


def mailed(host: str, port: int) -> Awaitable[object]:
    more = {"security": "none", "sender": "shop@example.com"}
    mail = Mail((MailAddress("ada@example.com"),), "Hi", "x", "key")
    return RunMail(credential("smtp", host, port, **more)).send(mail, credential="Door", seconds=5)


def tool(host: str, port: int) -> Awaitable[object]:
    return RunMcp(FakeCredentials()).call(McpServer(f"http://{host}:{port}/mcp"), "x", {})


def fetched(host: str, port: int) -> Awaitable[object]:
    """The door of http and webpage nodes, of an agent's requests and of pages of an answer."""
    return egress.fetch("GET", f"http://{host}:{port}/", timeout_seconds=5)


WEB: Mapping[str, Door] = {
    "http": fetched,
    "anthropic": model(Anthropic),
    "openai": model(OpenAI),
    "openai_compatible": model(OpenAICompatible),
    "image": drawn,
    "transcribe": heard,
    "speech": said,
    "embeddings": embedded,
    "mcp": tool,
}
DOORS: Mapping[str, Door] = {
    **WEB,
    "postgresql": database("postgresql"),
    "mysql": database("mysql"),
    "mail": mailed,
}
#: Doors of nodes by their modules: those that open connections are above, with those for models
#: and plain HTTP, which are the context's own; the others open none.
CONNECTING = {
    "knowledge": ["embeddings"],
    "mail": ["mail"],
    "mcp": ["mcp"],
    "media": ["image", "transcribe", "speech"],
    "sql": ["postgresql", "mysql"],
}
WITHOUT = {"credentials", "files", "flows", "memory", "sandbox", "steps"}
each_door = pytest.mark.parametrize("door", list(DOORS))


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    yield
    await egress.close_connections()


class Silent:
    """Takes connections on loopback and closes them at once."""

    def __init__(self) -> None:
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


async def refusal(door: str, host: str, port: int) -> NodeError:
    with pytest.raises(NodeError) as caught:
        await asyncio.wait_for(DOORS[door](host, port), 20)
    return caught.value


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> tuple[list[list[str]], list[str]]:
    """(what the resolver answers about NAME in turn, the last one again; what it was asked)."""
    given: list[list[str]] = []
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        if host != NAME:
            return real(host, port, *more, **options)
        asked.append(host)
        found = given.pop(0) if len(given) > 1 else given[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return given, asked


@each_door
async def test_s8_no_form_of_a_near_address_is_called(door: str, settings: Settings) -> None:
    settings.FLUX_ALLOW_HOSTS = []
    async with Silent() as near:
        codes = {host: (await refusal(door, host, near.port)).code for host in HOSTS}
        assert near.connections == 0
    refused = (
        {"address_refused"}
        if door in ("postgresql", "mysql", "mail")
        else {
            "address_refused",
            "url_invalid",
        }
    )
    assert {host: code for host, code in codes.items() if code not in refused} == {}


@each_door
async def test_s8_one_near_address_among_public_ones_refuses_the_name(
    door: str, settings: Settings, answers: tuple[list[list[str]], list[str]]
) -> None:
    settings.FLUX_ALLOW_HOSTS = []
    answers[0].append(["8.8.8.8", "127.0.0.1"])
    async with Silent() as near:
        error = await refusal(door, NAME, near.port)
        assert (error.code, near.connections) == ("address_refused", 0)
    assert "127.0.0.1" not in error.message


@each_door
async def test_s8_a_name_is_asked_once_for_each_connection_which_goes_to_that_answer(
    door: str, settings: Settings, answers: tuple[list[list[str]], list[str]]
) -> None:
    async with Silent() as allowed:
        settings.FLUX_ALLOW_HOSTS = [f"127.0.0.1:{allowed.port}"]
        # Whoever asked again would be sent elsewhere; the next connection is refused.
        answers[0].extend([["127.0.0.1"], ["10.0.0.1"]])
        await refusal(door, NAME, allowed.port)
        assert allowed.connections == 1
    assert len(answers[1]) <= 2


@pytest.mark.parametrize("door", list(WEB))
async def test_s8_a_redirect_to_what_is_near_is_not_followed(door: str, settings: Settings) -> None:
    async with (
        Site(lambda *_: answer(200, b"secret")) as near,
        Site(lambda *_: answer(307, location=f"{near.url}/x")) as site,
    ):
        settings.FLUX_ALLOW_HOSTS = [f"127.0.0.1:{site.port}"]
        error = await refusal(door, "127.0.0.1", site.port)
        assert site.connections > 0
        assert near.connections == 0
    assert "secret" not in error.message


async def test_s8_where_a_model_says_its_picture_is_it_is_vetted_too(settings: Settings) -> None:
    async with Site(lambda *_: answer(200, b"\x89PNG")) as near:
        made = json.dumps({"data": [{"url": f"{near.url}/fox.png"}]}).encode()
        async with Site(lambda *_: answer(200, made)) as site:
            settings.FLUX_ALLOW_HOSTS = [f"127.0.0.1:{site.port}"]
            assert (await refusal("image", "127.0.0.1", site.port)).code == "address_refused"
        assert near.connections == 0


def test_s8_no_door_of_nodes_is_forgotten_here() -> None:
    folder = ROOT / "flows" / "engine" / "doors"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules == WITHOUT | CONNECTING.keys()
    assert {door for doors in CONNECTING.values() for door in doors} < DOORS.keys()
