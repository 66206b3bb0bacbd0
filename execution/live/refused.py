"""Sockets that lead nowhere are counted by address; beyond the limit only the signed-in get any.

A page of ours asks for what its person may see, and is signed in. So a socket that is closed as
unknown was tried by somebody else, and each costs a look at the session and at the object.
"""

import asyncio
import time
from typing import Any

from asgiref.sync import sync_to_async

from accounts.addresses import network_of
from accounts.limits import failed
from execution.live.page_socket import NOT_FOUND, give_back

DOOR = "socket"
#: Addresses that one process remembers to be over the limit; the oldest is forgotten first.
MOST_HELD = 10_000


class RefusedSockets:
    """The ASGI application of signed-in people, behind that count. One per process."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._held: dict[str, float] = {}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        meta = _meta(scope)
        if self._is_held(network_of(meta)) and not await sync_to_async(_is_signed_in)(scope):
            # Before it is accepted: the handshake is answered with 403.
            await send({"type": "websocket.close"})
            return
        accepted = refused = False

        async def watched(message: dict[str, Any]) -> None:
            nonlocal accepted, refused
            if message["type"] == "websocket.close":
                refused = not accepted or message.get("code") == NOT_FOUND
            accepted = accepted or message["type"] == "websocket.accept"
            await send(message)

        try:
            await self._application(scope, receive, watched)
        finally:
            if refused:
                await asyncio.shield(self._count(meta))

    def _is_held(self, network: str) -> bool:
        """Whether this address has to wait."""
        return self._held.get(network, 0.0) > time.monotonic()

    async def _count(self, meta: dict[str, str]) -> None:
        wait = await sync_to_async(_counted, thread_sensitive=False)(meta)
        if not wait:
            return
        network = network_of(meta)
        self._held.pop(network, None)
        self._held[network] = time.monotonic() + wait
        if len(self._held) > MOST_HELD:
            del self._held[next(iter(self._held))]


def _counted(meta: dict[str, str]) -> int:
    try:
        return failed(DOOR, meta)
    finally:
        give_back()


def _is_signed_in(scope: dict[str, Any]) -> bool:
    user = scope.get("user")
    return bool(user is not None and user.is_authenticated)


def _meta(scope: dict[str, Any]) -> dict[str, str]:
    """Who calls, as a request's META says it."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    client = scope.get("client") or ("", 0)
    return {"REMOTE_ADDR": client[0], "HTTP_X_FORWARDED_FOR": headers.get(b"x-forwarded-for", "")}
