"""What the guard lets through: hosts, names that change, redirects; over real sockets."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from pytest_django import Settings

from execution import egress
from execution.egress_addresses import AllowList
from execution.egress_transport import GuardedTransport, is_own
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
async def test_s8_no_form_of_a_near_address_is_called(host: str) -> None:
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
async def test_s8_what_is_no_web_address_is_refused(url: str) -> None:
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


async def test_s8_an_allow_list_that_cannot_be_read_opens_nothing(settings: Settings) -> None:
    settings.FLUX_ALLOW_HOSTS = ["127.0.0.1", "10.0.0.0/99"]
    error = await refusal("http://127.0.0.1/")
    assert error.code == "configuration_invalid"
    assert "10.0.0.0/99" in error.message


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


async def test_s8_a_name_that_changes_its_answer_is_asked_once_and_what_was_vetted_called() -> None:
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


async def test_s8_a_name_whose_second_answer_is_near_is_refused_when_it_connects_again() -> None:
    async with Site(lambda *_: answer(200, connection="close")) as site:
        resolver = Resolver(["127.0.0.1"], ["127.0.0.2"])
        allowed = AllowList.parse(["127.0.0.1"])
        transport = GuardedTransport(allowed, resolve=resolver)
        await (await through(transport, f"http://rebind.example:{site.port}/")).aread()
        with pytest.raises(NodeError) as caught:
            await through(transport, f"http://rebind.example:{site.port}/")
        assert caught.value.code == "address_refused"
        await transport.close()


async def test_s8_one_near_address_among_public_ones_refuses_the_name() -> None:
    transport = GuardedTransport(resolve=Resolver(["8.8.8.8", "127.0.0.1"]))
    with pytest.raises(NodeError) as caught:
        await through(transport, "http://mixed.example/")
    assert caught.value.code == "address_refused"
    assert "127.0.0.1" not in caught.value.message


async def test_s8_a_public_address_of_this_very_machine_is_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("execution.egress_transport.is_own", lambda address: address == "8.8.8.8")
    transport = GuardedTransport(resolve=Resolver(["8.8.8.8"]))
    with pytest.raises(NodeError) as caught:
        await through(transport, "http://myself.example/")
    assert caught.value.code == "address_refused"


def test_an_address_is_this_machines_when_a_socket_can_have_it() -> None:
    assert is_own("127.0.0.1")
    assert is_own("::1") or not Path("/proc/net/if_inet6").read_text()
    assert not is_own("8.8.8.8")
    assert not is_own("2606:4700::1111")


async def test_the_next_address_of_a_host_is_tried_when_one_is_down() -> None:
    async with Site(lambda *_: answer(200)) as site:
        resolver = Resolver(["127.0.0.2", "127.0.0.1"])
        transport = GuardedTransport(AllowList.parse(["127.0.0.0/8"]), resolve=resolver)
        response = await through(transport, f"http://two.example:{site.port}/")
        assert response.status_code == 200
        await response.aclose()
        await transport.close()


@pytest.mark.usefixtures("loopback")
async def test_s8_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with Site(lambda *_: answer(200, b"direct")) as site:
        assert (await egress.fetch("GET", site.url)).content == b"direct"


async def test_s8_a_redirect_to_a_near_address_is_refused(settings: Settings) -> None:
    async with (
        Site(lambda *_: answer(200, b"secret")) as target,
        Site(lambda *_: answer(302, location=f"{target.url}/x")) as site,
    ):
        settings.FLUX_ALLOW_HOSTS = [f"127.0.0.1:{site.port}"]
        assert (await refusal(site.url)).code == "address_refused"
        assert target.connections == 0


@pytest.mark.usefixtures("loopback")
async def test_s8_a_redirect_to_another_origin_takes_no_keys_along() -> None:
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


async def test_s8_an_address_admitted_for_one_client_is_not_open_to_others() -> None:
    async with Site(lambda *_: answer(200, b"ok")) as site:
        client = egress.guarded_client(also_allowed=(egress.origin_entry(site.url),))
        assert (await client.get(site.url)).content == b"ok"
        assert (await refusal(site.url)).code == "address_refused"
        assert site.connections == 1
