"""Remembers what nodes ask to, within the workspace, flow and session of their run."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from execution.database import in_database
from execution.memories import keeping
from execution.memories.keeping import Place, Step
from execution.memories.turns import Kept, read_turns
from execution.shapes import NodeCall
from execution.step_keys import step_key
from flows.engine.doors.memory import Remembered, Scope, Select, Turn, session_missing

JSON = Any


class RunMemories:
    """The `Memories` of one attempt."""

    def __init__(self, call: NodeCall) -> None:
        self._call = call
        self._at = tuple(call["path"])
        run_id = UUID(call["run_id"])
        self._step = Step(run_id, step_key(run_id, call["node"], self._at))
        self._kept: Kept | None = None

    async def append(self, scope: Scope, name: str, value: JSON) -> int:
        place = self._place(scope, name)
        return await in_database(lambda: keeping.append(place, self._step, value))

    async def read(self, scope: Scope, name: str, select: Select, limit: int | None) -> Remembered:
        place = self._place(scope, name)
        return await in_database(lambda: keeping.read(place, select, limit))

    async def clear(self, scope: Scope, name: str) -> int:
        place = self._place(scope, name)
        return await in_database(lambda: keeping.clear(place, self._step))

    async def turns(self, limit: int) -> Sequence[Turn]:
        if not self._call["session_id"]:
            return ()
        place = self._place("session", node=self._call["node"])
        return await in_database(lambda: read_turns(place, self._step, self._at, limit))

    def keep_turn(self, turn: Turn) -> None:
        if self._call["session_id"]:
            place = self._place("session", node=self._call["node"])
            self._kept = Kept(place, self._step, self._at, turn)

    def kept_turn(self, masked: Callable[[JSON], JSON] = lambda value: value) -> Kept | None:
        """The turn to write if the attempt succeeds, without the secrets that `masked` hides."""
        if self._kept is None:
            return None
        turn = self._kept.turn
        return replace(self._kept, turn=Turn(masked(turn.user), masked(turn.assistant)))

    def _place(self, scope: Scope, name: str = "", *, node: str = "") -> Place:
        session_id = self._call["session_id"] or ""
        if scope == "session" and not session_id:
            raise session_missing()
        return Place(
            workspace_id=UUID(self._call["workspace_id"]),
            flow_id=UUID(self._call["flow_id"]),
            scope=scope,
            name=name,
            session_id=session_id if scope == "session" else "",
            node=node,
        )
