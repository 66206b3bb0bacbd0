"""The WebSocket of a run: where it is now, then everything that happens."""

import asyncio
import json
import re
from functools import partial
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from asgiref.sync import sync_to_async

from accounts.models import User, Workspace
from accounts.permissions import Actor, member_actor, still_may
from execution.agent_steps import add_used, used_by_steps, works_in_steps
from execution.live.followed import Followed
from execution.live.hub import Frame, Reader, hub
from execution.live.page_socket import NOT_FOUND, PageSocket, give_back
from execution.live.said import TOO_MUCH
from execution.live.seen import run_still_seen
from execution.models import Run
from execution.queries import node_run_payload, run_payload, shown_node_runs, shown_states
from flows.sharing import actions_on

JSON = Any
#: Frames that may wait for a slow browser; beyond, it is closed and comes back.
QUEUE_LIMIT = 1_000
#: Characters of what a browser may say at once.
OPENED_LIMIT = 100_000


class RunConsumer(PageSocket):
    """`/ws/runs/<id>/?after=<seq>`: a snapshot frame, then frames of events and deltas."""

    reader: Reader | None = None

    async def connect(self) -> None:
        await self.accept()
        # Not on the one thread of all sockets: a run with much to read would hold up the others.
        found = await sync_to_async(self._open, thread_sensitive=False)()
        if found is None:
            await self.close(code=NOT_FOUND)
            return
        run, self.actor, snapshot = found
        await self.send(text_data=json.dumps({"snapshot": snapshot}))
        self.queue: asyncio.Queue[Frame] = asyncio.Queue()
        self.followed = Followed()
        self.tasks = (
            asyncio.create_task(self._send_frames()),
            asyncio.create_task(self.ask_again(partial(self._still_seen, run.id))),
            asyncio.create_task(self.tell_of_maintenance()),
        )
        loop = asyncio.get_running_loop()

        def deliver(frame: Frame) -> None:
            loop.call_soon_threadsafe(self._queue, frame)

        self.reader = Reader(str(run.id), self._after(), deliver)
        self.forget = partial(hub().forget, self.reader)
        hub().watch(self.reader)

    def _after(self) -> int:
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        asked = query.get("after", ["0"])[0]
        return int(asked) if re.fullmatch(r"[0-9]{1,18}", asked) else 0

    def _open(self) -> tuple[Run, Actor, dict[str, JSON]] | None:
        """The run, who asks, and its snapshot; the thread's connection goes back to the pool."""
        try:
            user = self.scope.get("user")
            if not isinstance(user, User) or not user.is_authenticated:
                return None
            run_id: UUID = self.scope["url_route"]["kwargs"]["run_id"]
            run = Run.objects.select_related("flow", "version").filter(id=run_id).first()
            if run is None:
                return None
            actor = member_actor(user, Workspace(id=run.workspace_id))
            if actor is None or "run.read" not in actions_on(actor, run.flow):
                return None
            return run, actor, _snapshot(run)
        finally:
            give_back()

    def _still_seen(self, run_id: UUID) -> bool:
        """False for somebody who may not see it any more, and where the run is deleted."""
        return still_may(self.actor, "run.read") and run_still_seen(self.actor, run_id)

    def _queue(self, frame: Frame) -> None:
        # One more than the limit tells the sender, which may be stuck in a send, to close.
        if self.queue.qsize() <= QUEUE_LIMIT + 1:
            self.queue.put_nowait(frame)

    async def _send_frames(self) -> None:
        while True:
            frame = await self.queue.get()
            if self.queue.qsize() > QUEUE_LIMIT:
                await self.close()
                return
            frame = self.followed.of(frame)
            if frame.events or frame.deltas:
                news = {"events": frame.events, "deltas": frame.deltas}
                await self.send(text_data=json.dumps(news, ensure_ascii=False))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Which items a page has open: `{"opened": ["node:rows.3"]}`; all else is ignored."""
        if self.reader is None or await self._says_too_much():
            return
        if not text_data or len(text_data) > OPENED_LIMIT:
            return
        try:
            said = json.loads(text_data)
        except (ValueError, RecursionError):
            return
        if isinstance(said, dict):
            self.followed.open(said.get("opened"))

    async def _says_too_much(self) -> bool:
        excess = self.said.another(asyncio.get_running_loop().time())
        if excess == 1:
            await self.close(code=TOO_MUCH)
        return excess > 0


def _snapshot(run: Run) -> dict[str, JSON]:
    # The number is read first: what happens while the rows are read comes again as an event.
    run.refresh_from_db()
    rows = shown_node_runs(run)
    states = shown_states(run, rows)
    nodes = [{**node_run_payload(row, small=True), "status": states[row.id]} for row in rows]
    if any(works_in_steps(row.type) for row in rows):
        used = used_by_steps(run)
        for node in nodes:
            add_used(node["usage"], used.get(node["node"]))
    return {"run": run_payload(run, small=True), "nodes": nodes, "seq": run.last_seq}
