"""Sockets that lead nowhere are limited by address; who is signed in is never held up."""

import asyncio
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import RateCount
from execution.live import refused
from execution.live.page_socket import NOT_FOUND
from execution.live.refused import RefusedSockets

JSON = Any
pytestmark = pytest.mark.django_db(transaction=True)
OUR_PROXY = "10.0.0.1"


class Person:
    is_authenticated = True


@pytest.fixture(autouse=True)
def _three(settings: Settings) -> None:
    settings.FLUX_RATE_LIMITS = {"socket": "3/h"}
    settings.FLUX_TRUSTED_PROXIES = [OUR_PROXY]
    RateCount.objects.all().delete()


def asked(door: RefusedSockets, address: str, *, user: Any = None, by: str = "") -> list[JSON]:
    """What a socket from this address is sent."""
    sent: list[JSON] = []

    async def send(message: JSON) -> None:
        sent.append(message)

    async def receive() -> JSON:
        return {"type": "websocket.connect"}

    scope: JSON = {"type": "websocket", "user": user, "client": (address, 1)}
    scope["headers"] = [(b"x-forwarded-for", by.encode())] if by else []
    asyncio.run(door(scope, receive, send))
    return sent


async def nowhere(scope: JSON, receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": NOT_FOUND})


def is_held(sent: list[JSON]) -> bool:
    """Whether the handshake was refused: a socket that leads nowhere is accepted, then closed."""
    return [message["type"] for message in sent] == ["websocket.close"]


def test_beyond_the_limit_a_stranger_is_refused_before_anything_is_looked_at() -> None:
    door = RefusedSockets(nowhere)
    assert not any(is_held(asked(door, "203.0.113.7")) for _ in range(4))
    assert is_held(asked(door, "203.0.113.7"))
    # Another address, and whoever is signed in at this one, go on.
    assert not is_held(asked(door, "203.0.113.8"))
    assert not is_held(asked(door, "203.0.113.7", user=Person()))


def test_an_address_is_told_behind_our_proxies_and_a_network_of_ipv6_counts_as_one() -> None:
    door = RefusedSockets(nowhere)
    for number in range(4):
        asked(door, OUR_PROXY, by=f"2001:db8:0:1::{number}")
    assert is_held(asked(door, OUR_PROXY, by="2001:db8:0:1::99"))
    assert not is_held(asked(door, OUR_PROXY, by="2001:db8:0:2::1"))


def test_a_socket_that_leads_somewhere_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def somewhere(scope: JSON, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1000})

    door = RefusedSockets(somewhere)
    assert not any(is_held(asked(door, "203.0.113.7")) for _ in range(9))
    monkeypatch.setattr(refused, "MOST_HELD", 1)
    full = RefusedSockets(nowhere)
    for address in ("203.0.113.1", "203.0.113.2"):
        for _ in range(4):
            asked(full, address)
    assert not is_held(asked(full, "203.0.113.1"))
