"""Answers through the guard: sizes, encodings, times, headers; over real sockets."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator

import pytest
from pytest_django import Settings

from execution import egress
from flows.engine.errors import NodeError
from tests.support.site import Site, answer


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


@pytest.mark.parametrize(
    "url", ["http://93.184.215.14/", "http://named.example/", "http://[2606:2800:21f:cb07::1]/"]
)
async def test_a_credential_does_not_go_in_clear_to_a_public_address(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found(host: str, port: int) -> list[str]:
        return ["10.0.0.1", "93.184.215.14"]

    monkeypatch.setattr(egress, "resolve_host", found)
    error = await refusal(url, secret=True)
    assert (error.code, error.field) == ("credential_in_clear", "url")


@pytest.mark.usefixtures("loopback")
async def test_a_credential_goes_in_clear_to_a_private_address_that_is_allowed() -> None:
    async with Site(lambda *_: answer(200, b"ok")) as site:
        sent = await egress.fetch("GET", site.url, headers={"X-Key": "k"}, secret=True)
        assert sent.content == b"ok"
        assert site.requests[0][1]["x-key"] == "k"
    assert (await refusal("http://10.0.0.1/", secret=True)).code == "address_refused"
    assert (await refusal("http://nowhere.invalid/", secret=True)).code == "connection_failed"
