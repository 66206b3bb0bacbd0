"""A socket is given to pages of this very origin only."""

import asyncio
from typing import Any

import pytest

from execution.live.origin import same_origin_only

HOST = "127.0.0.1:8000"


def is_let_in(origin: str | None, host: str = HOST) -> bool:
    entered: list[str] = []
    messages = iter(["websocket.connect", "websocket.disconnect"])

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        entered.append("inside")

    async def receive() -> dict[str, Any]:
        return {"type": next(messages), "code": 1000}

    async def send(message: dict[str, Any]) -> None:
        entered.append(message["type"])

    headers = [(b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    scope = {"type": "websocket", "path": "/", "headers": headers}
    asyncio.run(same_origin_only(inside)(scope, receive, send))
    assert entered in (["inside"], ["websocket.close"])
    return entered == ["inside"]


def test_our_own_page_is_let_in() -> None:
    assert is_let_in(f"http://{HOST}")
    assert is_let_in("http://localhost:8000", "localhost:8000")


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "http://127.0.0.1:8233",
        "http://127.0.0.1",
        "http://localhost:8000",
        "http://127.0.0.1:8000.evil.example",
        "http://evil.example",
        "http://[::1",
    ],
)
def test_any_other_page_is_not(origin: str | None) -> None:
    assert not is_let_in(origin)


def test_a_name_that_is_not_ours_is_not_even_if_both_agree() -> None:
    assert not is_let_in("http://evil.example", "evil.example")
