"""The WebSocket of an open editor: what changes in the draft, and who else looks at it."""

import asyncio
import json
import re
from functools import partial
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async

from accounts.models import User, Workspace
from accounts.permissions import Actor, member_actor, still_may
from execution.live.flow_hub import MOST_SELECTED, Follower, flow_hub
from execution.live.page_socket import NOT_FOUND, PageSocket, give_back
from execution.live.said import TOO_MUCH
from execution.live.seen import flow_still_seen
from flows.engine.document import NAME_PATTERN
from flows.models import Flow
from flows.sharing import actions_on

JSON = Any
#: Frames that may wait for a slow browser; beyond, it is closed and comes back.
QUEUE_LIMIT = 200
#: Characters of what a browser may say at once; more is ignored.
LONGEST = 10_000
_NAME = re.compile(NAME_PATTERN)


class FlowConsumer(PageSocket):
    """`/ws/flows/<id>/?tab=<uuid>&after=<revision>`: `hello`, then changes and people.

    A frame `too_old` says that the log does not reach back: the draft has to be read anew.
    """

    follower: Follower | None = None

    async def connect(self) -> None:
        await self.accept()
        # Not on the one thread of all sockets.
        found = await sync_to_async(self._open, thread_sensitive=False)()
        if found is None:
            await self.close(code=NOT_FOUND)
            return
        flow, self.actor = found
        self.queue: asyncio.Queue[dict[str, JSON]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def deliver(frame: dict[str, JSON]) -> None:
            loop.call_soon_threadsafe(self._queue, frame)

        after = self._after(flow.revision)
        self.follower = Follower(str(flow.id), after, self._tab(), self.actor.label, deliver)
        self.forget = partial(flow_hub().forget, self.follower)
        people = flow_hub().follow(self.follower)
        await self._say({"hello": {"revision": flow.revision, "people": people}})
        self.tasks = (
            asyncio.create_task(self._send_frames()),
            asyncio.create_task(self.ask_again(partial(self._still_seen, flow.id))),
            asyncio.create_task(self.tell_of_maintenance()),
        )

    def _query(self, name: str) -> str:
        return parse_qs(self.scope["query_string"].decode("latin-1")).get(name, [""])[0]

    def _after(self, current: int) -> int:
        """The revision that the page has; its draft is the current one where it does not say."""
        asked = self._query("after")
        return int(asked) if re.fullmatch(r"[0-9]{1,9}", asked) else current

    def _tab(self) -> str:
        try:
            return str(UUID(self._query("tab")))
        except ValueError:
            return str(uuid4())

    def _open(self) -> tuple[Flow, Actor] | None:
        """The flow and who asks, where they may see it; the thread's connection goes back."""
        try:
            user = self.scope.get("user")
            if not isinstance(user, User) or not user.is_authenticated:
                return None
            flow_id: UUID = self.scope["url_route"]["kwargs"]["flow_id"]
            flow = Flow.objects.filter(id=flow_id).first()
            if flow is None:
                return None
            actor = member_actor(user, Workspace(id=flow.workspace_id))
            seen = actor is not None and "flow.read" in actions_on(actor, flow)
            return (flow, actor) if actor is not None and seen else None
        finally:
            give_back()

    def _queue(self, frame: dict[str, JSON]) -> None:
        # One more than the limit tells the sender, which may be stuck in a send, to close.
        if self.queue.qsize() <= QUEUE_LIMIT + 1:
            self.queue.put_nowait(frame)

    async def _send_frames(self) -> None:
        while True:
            frame = await self.queue.get()
            if self.queue.qsize() > QUEUE_LIMIT:
                await self.close()
                return
            await self._say(frame)

    async def _say(self, frame: dict[str, JSON]) -> None:
        await self.send(text_data=json.dumps(frame, ensure_ascii=False))

    def _still_seen(self, flow_id: UUID) -> bool:
        """False for somebody who may not see it any more, and where the flow is deleted."""
        return still_may(self.actor, "flow.read") and flow_still_seen(self.actor, flow_id)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """What is selected: `{"selected": ["a"]}`; `{"ping": 1}` is answered; else is ignored."""
        if self.follower is None:
            return
        excess = self.said.another(asyncio.get_running_loop().time())
        if excess:
            if excess == 1:
                await self.close(code=TOO_MUCH)
            return
        if not text_data or len(text_data) > LONGEST:
            return
        try:
            said = json.loads(text_data)
        except (ValueError, RecursionError):
            return
        if not isinstance(said, dict):
            return
        if isinstance(nodes := said.get("selected"), list):
            named = [node for node in nodes[:MOST_SELECTED] if _is_name(node)]
            flow_hub().select(self.follower, named)
        if "ping" in said:
            await self._say({"pong": 1})


def _is_name(node: JSON) -> bool:
    return isinstance(node, str) and _NAME.fullmatch(node) is not None
