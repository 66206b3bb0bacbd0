"""Sockets of pages as the server sees them."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from accounts.models import User
from execution.live.consumers import RunConsumer
from execution.live.flow_consumer import FlowConsumer
from execution.models import Run
from flows.models import Flow

JSON = Any


def apart(work: Callable[..., None], *args: Any) -> None:
    """Do the work on this thread, and give its connection back."""
    try:
        work(*args)
    finally:
        connection.close()


def sign_in(session: SessionStore, user: User) -> None:
    """Have the session be one of this person's, as signing in does."""
    session[SESSION_KEY] = str(user.pk)
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()


def scope_of(shown: Flow | Run, user: User, query: str = "") -> dict[str, JSON]:
    """What a socket is opened with; its session is not in the database yet."""
    kind = "flow" if isinstance(shown, Flow) else "run"
    return {
        "type": "websocket",
        "path": f"/ws/{kind}s/{shown.id}/",
        "query_string": query.encode(),
        "user": user,
        "session": SessionStore(),
        "url_route": {"kwargs": {f"{kind}_id": shown.id}},
    }


class Socket:
    """A page's socket to a flow or a run."""

    def __init__(self, shown: Flow | Run, user: User, query: str = "") -> None:
        consumer = FlowConsumer if isinstance(shown, Flow) else RunConsumer
        self.scope = scope_of(shown, user, query)
        self.line = ApplicationCommunicator(consumer.as_asgi(), self.scope)

    async def open(self) -> JSON:
        """The first frame, or the code it was closed with."""
        await asyncio.to_thread(apart, sign_in, self.scope["session"], self.scope["user"])
        await self.line.send_input({"type": "websocket.connect"})
        assert (await self.line.receive_output(5))["type"] == "websocket.accept"
        return await self.next()

    async def say(self, text: str) -> None:
        await self.line.send_input({"type": "websocket.receive", "text": text})

    async def next(self, wanted: Callable[[JSON], bool] = lambda frame: True) -> JSON:
        async with asyncio.timeout(10):
            while True:
                output = await self.line.receive_output(10)
                if output["type"] == "websocket.close":
                    return output["code"]
                frame = json.loads(output["text"])
                if wanted(frame):
                    return frame

    async def close(self) -> None:
        await self.line.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.line.wait(5)
