"""Calls through the guard, over real sockets."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2
import pytest
from pytest_django import Settings

from execution import egress
from execution.egress_addresses import AllowList
from execution.egress_transport import GuardedTransport
from flows.engine.errors import NodeError

type Handler = Callable[[str, dict[str, str], bytes], bytes | Awaitable[bytes]]


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("content-length", str(len(body)))
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} x\r\n{lines}\r\n".encode() + body


class Site:
    """A small HTTP server whose every answer is written by the test."""

    def __init__(self, handler: Handler, *, hang_up: bool = False) -> None:
        self.handler = handler
        self.hang_up = hang_up
        self.connections = 0
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    async def __aenter__(self) -> "Site":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while line := await reader.readline():
                headers: dict[str, str] = {}
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                first = line.decode().rsplit(" ", 1)[0]
                self.requests.append((first, headers, body))
                given = self.handler(first, headers, body)
                writer.write(given if isinstance(given, bytes) else await given)
                await writer.drain()
                if self.hang_up:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # a client that goes away in the middle is what some tests are about
        finally:
            writer.close()


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    yield
    await egress.close_connections()


@pytest.fixture
def loopback(settings: Settings) -> None:
    settings.FLUX_ALLOW_HOSTS = ["127.0.0.1"]


async def refusal(url: str, **options: object) -> NodeError:
    with pytest.raises(NodeError) as caught:
        await egress.fetch("GET", url, **options)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "198.18.0.1",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "LOCALHOST",
        "①②⑦.0.0.1",
    ],
)
async def test_no_form_of_a_near_address_is_called(host: str) -> None:
    async with Site(lambda *_: answer(200, b"reached")) as site:
        error = await refusal(f"http://{host}:{site.port}/")
        assert error.code in ("address_refused", "url_invalid")
        assert site.connections == 0
        if error.code == "address_refused":
            assert "FLUX_ALLOW_HOSTS" in error.message
            assert not error.retryable


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "example.com",
        "http://",
        "http://user:secret@example.com/",
        "http://127.0.0.1@example.com/",
        "http://[::1",
        "http://example.com:99999/",
        "http://exa mple.com/",
        "http://[fe80::1%25eth0]/",
        "http://example.com:0/",
        "http://example.com/" + "x" * 9000,
        "",
    ],
)
async def test_what_is_no_web_address_is_refused(url: str) -> None:
    error = await refusal(url)
    assert error.code == "url_invalid"
    assert error.field == "url"


async def test_the_allow_list_admits_a_near_host_and_only_its_port(
    settings: Settings,
) -> None:
    async with Site(lambda *_: answer(200, b"in")) as site, Site(lambda *_: answer(200)) as other:
        settings.FLUX_ALLOW_HOSTS = [f"127.0.0.1:{site.port}"]
        assert (await egress.fetch("GET", site.url)).content == b"in"
        assert (await refusal(other.url)).code == "address_refused"
        assert other.connections == 0


class Resolver:
    """DNS that gives its answers one after the other."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def through(transport: GuardedTransport, url: str) -> httpx2.Response:
    return await transport.handle_async_request(httpx2.Request("GET", url))


async def test_a_name_that_changes_its_answer_is_asked_once_and_connected_to_what_was_vetted() -> (
    None
):
    async with Site(lambda *_: answer(200)) as site:
        resolver = Resolver(["127.0.0.1"], ["10.0.0.1"])
        allowed = AllowList.parse([f"127.0.0.1:{site.port}"])
        transport = GuardedTransport(allowed, resolve=resolver)
        response = await through(transport, f"http://rebind.example:{site.port}/")
        await response.aclose()
        assert response.status_code == 200
        assert resolver.asked == 1
        assert site.requests[0][1]["host"] == f"rebind.example:{site.port}"
        await transport.close()


async def test_a_name_whose_second_answer_is_near_is_refused_when_it_connects_again() -> None:
    async with Site(lambda *_: answer(200, connection="close")) as site:
        resolver = Resolver(["127.0.0.1"], ["127.0.0.2"])
        allowed = AllowList.parse(["127.0.0.1"])
        transport = GuardedTransport(allowed, resolve=resolver)
        await (await through(transport, f"http://rebind.example:{site.port}/")).aread()
        with pytest.raises(NodeError) as caught:
            await through(transport, f"http://rebind.example:{site.port}/")
        assert caught.value.code == "address_refused"
        await transport.close()


async def test_one_near_address_among_public_ones_refuses_the_name() -> None:
    transport = GuardedTransport(resolve=Resolver(["8.8.8.8", "127.0.0.1"]))
    with pytest.raises(NodeError) as caught:
        await through(transport, "http://mixed.example/")
    assert caught.value.code == "address_refused"
    assert "127.0.0.1" not in caught.value.message


async def test_the_next_address_of_a_host_is_tried_when_one_is_down() -> None:
    async with Site(lambda *_: answer(200)) as site:
        resolver = Resolver(["127.0.0.2", "127.0.0.1"])
        transport = GuardedTransport(AllowList.parse(["127.0.0.0/8"]), resolve=resolver)
        response = await through(transport, f"http://two.example:{site.port}/")
        assert response.status_code == 200
        await response.aclose()
        await transport.close()


@pytest.mark.usefixtures("loopback")
async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with Site(lambda *_: answer(200, b"direct")) as site:
        assert (await egress.fetch("GET", site.url)).content == b"direct"


async def test_a_redirect_to_a_near_address_is_refused(settings: Settings) -> None:
    async with (
        Site(lambda *_: answer(200, b"secret")) as target,
        Site(lambda *_: answer(302, location=f"{target.url}/x")) as site,
    ):
        settings.FLUX_ALLOW_HOSTS = [f"127.0.0.1:{site.port}"]
        assert (await refusal(site.url)).code == "address_refused"
        assert target.connections == 0


@pytest.mark.usefixtures("loopback")
async def test_a_redirect_to_another_origin_takes_no_keys_along() -> None:
    async with Site(lambda *_: answer(200)) as target:
        async with Site(lambda *_: answer(307, location=f"{target.url}/x")) as site:
            keys = {"Authorization": "Bearer k", "X-Api-Key": "k", "Cookie": "a=b"}
            await egress.fetch(
                "POST",
                site.url,
                headers={**keys, "Accept": "text/plain", "Content-Type": "text/csv"},
                content=b"a,b",
            )
        first, headers, body = target.requests[0]
        assert first == "POST /x"
        assert body == b"a,b"
        assert not {"authorization", "x-api-key", "cookie"} & headers.keys()
        assert headers["accept"] == "text/plain"
        assert headers["content-type"] == "text/csv"


@pytest.mark.usefixtures("loopback")
async def test_a_redirect_within_the_origin_keeps_its_headers_and_303_becomes_get() -> None:
    def handler(first: str, headers: dict[str, str], body: bytes) -> bytes:
        return answer(303, location="/done") if first == "POST /" else answer(200, b"ok")

    async with Site(handler) as site:
        headers = {"authorization": "Bearer k", "content-type": "text/csv"}
        done = await egress.fetch("POST", site.url, headers=headers, content=b"x")
        assert done.url == f"{site.url}/done"
        first, sent, body = site.requests[1]
        assert (first, body, sent["authorization"]) == ("GET /done", b"", "Bearer k")
        assert "content-type" not in sent


@pytest.mark.usefixtures("loopback")
async def test_endless_redirects_end() -> None:
    async with Site(lambda *_: answer(302, location="/again")) as site:
        assert (await refusal(site.url)).code == "too_many_redirects"
        assert len(site.requests) == egress.MAX_REDIRECTS + 1


@pytest.mark.usefixtures("loopback")
async def test_an_answer_beyond_the_limit_is_not_read() -> None:
    async with Site(lambda *_: answer(200, b"x" * 2000)) as site:
        assert (await refusal(site.url, max_bytes=1999)).code == "too_large"
        fitting = await egress.fetch("GET", site.url, max_bytes=2000)
        assert len(fitting.content) == 2000


@pytest.mark.usefixtures("loopback")
async def test_an_answer_that_lies_about_its_size_is_cut_off() -> None:
    chunk = b"%x\r\n%b\r\n" % (50_000, b"x" * 50_000)
    head = b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n"
    async with Site(lambda *_: head + chunk * 100 + b"0\r\n\r\n") as site:
        assert (await refusal(site.url, max_bytes=100_000)).code == "too_large"


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_decompression_bomb_is_cut_off_where_the_limit_is(encoding: str) -> None:
    plain = b"\0" * 60_000_000
    bomb = gzip.compress(plain) if encoding == "gzip" else zlib.compress(plain)
    async with Site(lambda *_: answer(200, bomb, content_encoding=encoding)) as site:
        error = await refusal(site.url, max_bytes=1_000_000)
        assert error.code == "too_large"


@pytest.mark.usefixtures("loopback")
async def test_compressed_answers_are_unpacked() -> None:
    plain = json.dumps({"text": "hello " * 1000}).encode()
    raw = zlib.compressobj(wbits=-15)
    bodies = {
        "gzip": gzip.compress(plain),
        "deflate": zlib.compress(plain),
        "x-gzip": gzip.compress(plain),
    }
    for encoding, body in bodies.items():
        async with Site(lambda *_, b=body, e=encoding: answer(200, b, content_encoding=e)) as site:
            got = await egress.fetch("GET", site.url)
            assert got.content == plain
            assert "content-encoding" not in got.headers
            assert "content-length" not in got.headers
    headerless = raw.compress(plain) + raw.flush()
    async with Site(lambda *_: answer(200, headerless, content_encoding="deflate")) as site:
        assert (await egress.fetch("GET", site.url)).content == plain


@pytest.mark.usefixtures("loopback")
async def test_damaged_and_unknown_encodings_are_errors() -> None:
    async with Site(lambda *_: answer(200, b"no gzip", content_encoding="gzip")) as site:
        assert (await refusal(site.url)).code == "bad_answer"
    async with Site(lambda *_: answer(200, b"?", content_encoding="br")) as site:
        assert (await refusal(site.url)).code == "bad_answer"


@pytest.mark.usefixtures("loopback")
async def test_headers_without_end_are_refused() -> None:
    async with Site(lambda *_: answer(200, x_long="y" * 300_000)) as site:
        assert (await refusal(site.url)).code == "too_large"


@pytest.mark.usefixtures("loopback")
async def test_a_server_that_says_nothing_or_drips_is_left_after_the_time_given() -> None:
    async def never(*_: object) -> bytes:
        await asyncio.sleep(5)
        return answer(200)

    async with Site(never) as site:
        began = asyncio.get_running_loop().time()
        error = await refusal(site.url, timeout_seconds=0.2)
        assert (error.code, error.retryable) == ("timeout", True)
        assert asyncio.get_running_loop().time() - began < 2


async def test_a_port_where_nobody_listens_is_a_failed_connection(
    settings: Settings,
) -> None:
    async with Site(lambda *_: answer(200)) as site:
        settings.FLUX_ALLOW_HOSTS = ["127.0.0.1"]
    error = await refusal(site.url)
    assert (error.code, error.retryable) == ("connection_failed", True)


async def test_a_host_that_does_not_exist_is_a_failed_connection() -> None:
    error = await refusal("http://nowhere.invalid/")
    assert error.code == "connection_failed"
    assert "nowhere.invalid" in error.message


@pytest.mark.usefixtures("loopback")
async def test_garbage_and_broken_off_answers_are_failed_connections() -> None:
    for raw in (b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 x\r\ncontent-length: 10\r\n\r\nabc"):
        async with Site(lambda *_, raw=raw: raw, hang_up=True) as site:
            error = await refusal(site.url, timeout_seconds=3)
            assert (error.code, error.retryable) == ("connection_failed", True)


@pytest.mark.parametrize(
    "headers",
    [{"Host": "intranet"}, {"Transfer-Encoding": "chunked"}, {"Content-Length": "1"}],
)
async def test_headers_that_decide_about_the_connection_are_refused(
    headers: dict[str, str],
) -> None:
    error = await refusal("http://example.com/", headers=headers)
    assert (error.code, error.field) == ("header_invalid", "headers")


@pytest.mark.usefixtures("loopback")
async def test_a_header_cannot_smuggle_another_request() -> None:
    async with Site(lambda *_: answer(200)) as site:
        error = await refusal(site.url, headers={"x-a": "1\r\nx-b: 2"})
        assert error.code == "header_invalid"
        assert site.requests == []


@pytest.mark.usefixtures("loopback")
async def test_query_and_content_arrive_as_given() -> None:
    async with Site(lambda *_: answer(201, b"{}", x_one="1")) as site:
        done = await egress.fetch(
            "post",
            f"{site.url}/a?b=1",
            query={"q": "ü &", "tag": ["x", "y"]},
            headers={"Content-Type": "application/json"},
            content=b'{"a": 1}',
        )
        assert (done.status, done.headers["x-one"]) == (201, "1")
        first, headers, body = site.requests[0]
        assert first == "POST /a?b=1&q=%C3%BC+%26&tag=x&tag=y"
        assert (body, headers["content-length"]) == (b'{"a": 1}', "8")


async def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(NodeError) as caught:
        await egress.fetch("TRACE", "http://example.com/")
    assert caught.value.code == "method_invalid"


@pytest.mark.usefixtures("loopback")
async def test_connections_are_used_again() -> None:
    async with Site(lambda *_: answer(200, b"ok")) as site:
        for _ in range(20):
            await egress.fetch("GET", site.url)
        assert site.connections == 1


async def test_an_address_admitted_for_one_client_is_not_open_to_others() -> None:
    async with Site(lambda *_: answer(200, b"ok")) as site:
        client = egress.guarded_client(also_allowed=(egress.origin_entry(site.url),))
        assert (await client.get(site.url)).content == b"ok"
        assert (await refusal(site.url)).code == "address_refused"
        assert site.connections == 1
