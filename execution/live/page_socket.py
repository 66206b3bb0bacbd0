"""What the sockets of pages have in common: who reads is asked about again, and is forgotten."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import connection

from accounts.authentication.sessions import is_live
from accounts.operators.maintenance import Notice, is_known, notice
from execution.live.said import Said

logger = logging.getLogger(__name__)
#: Close code of a socket whose object this person may not see (or that does not exist).
NOT_FOUND = 4404
#: Close code after which the page comes back, and is asked anew who it is.
COME_BACK = 4503
#: Seconds after which it is asked anew whether this person may still see what is shown.
ASK_AGAIN = 15.0
#: Seconds after which it is looked whether maintenance has begun or ended.
TELL_EVERY = 5.0
#: Times in a row that it could not be asked, after which the socket is closed.
MOST_FAILURES = 4


class PageSocket(AsyncWebsocketConsumer):  # type: ignore[misc]
    """A socket that gives up its place in a hub (`forget`) and its tasks however it ends."""

    forget: Callable[[], None] | None = None
    tasks: "tuple[asyncio.Task[None], ...]" = ()

    def __init__(self) -> None:
        super().__init__()
        self.said = Said()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Where a send fails because the page is gone, nobody calls `disconnect`."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._end()

    async def disconnect(self, code: int) -> None:
        self._end()

    def _end(self) -> None:
        forget, self.forget = self.forget, None
        if forget is not None:
            forget()
        for task in self.tasks:
            task.cancel()

    async def ask_again(self, still_seen: Callable[[], bool]) -> None:
        """Close the socket of who may not see what is shown any more, or is signed out.

        `still_seen` asks the database, on a thread of its own.
        """

        def asked() -> int | None:
            try:
                if not self._is_signed_in():
                    return COME_BACK
                return None if still_seen() else NOT_FOUND
            finally:
                give_back()

        failures = 0
        while failures < MOST_FAILURES:
            await asyncio.sleep(ASK_AGAIN)
            try:
                code = await sync_to_async(asked, thread_sensitive=False)()
            except Exception:
                failures += 1
                logger.warning("Could not ask who may still read a socket", exc_info=True)
                continue
            failures = 0
            if code is not None:
                await self.close(code=code)
                return
        await self.close(code=COME_BACK)

    async def tell_of_maintenance(self) -> None:
        """Say that maintenance has begun and that it is over; None stands for the latter."""
        told: str | None = None
        while True:
            try:
                found = await _told()
            except Exception:
                logger.warning("Could not ask whether there is maintenance", exc_info=True)
                found = told
            if found != told:
                told = found
                await self.send(text_data=json.dumps({"maintenance": told}, ensure_ascii=False))
            await asyncio.sleep(TELL_EVERY)

    def _is_signed_in(self) -> bool:
        """Whether the session that this socket was opened with would still let somebody in."""
        return is_live(self.scope.get("session"))


#: The one question about maintenance that is under way in this process.
_asking: asyncio.Task[Notice | None] | None = None


async def _told() -> str | None:
    """What is remembered where that is fresh; else one socket asks, and the others wait for it."""
    global _asking
    if is_known():
        told = notice()
    else:
        loop = asyncio.get_running_loop()
        if _asking is None or _asking.done() or _asking.get_loop() is not loop:
            _asking = loop.create_task(sync_to_async(_notice, thread_sensitive=False)())
        # The page of the one that asks may be closed: the others want the answer all the same.
        told = await asyncio.shield(_asking)
    return told.sentence if told is not None else None


def _notice() -> Notice | None:
    try:
        return notice()
    finally:
        give_back()


def give_back() -> None:
    """The connection of a thread goes back to the pool."""
    if not connection.in_atomic_block:
        connection.close()
