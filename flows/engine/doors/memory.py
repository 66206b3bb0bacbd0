"""The door to what flows remember from one run to the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from flows.engine.errors import NodeError

JSON = Any  # a JSON value
Scope = Literal["session", "flow", "workspace"]
Select = Literal["all", "first", "last"]

#: Characters of a memory's name.
NAME_LENGTH = 100
#: Bytes of one entry as JSON; entries of one memory, and their bytes together: beyond them the
#: oldest fall out.
VALUE_BYTES = 100_000
MOST_ENTRIES = 1_000
MEMORY_BYTES = 5_000_000
#: Turns of a conversation that a model is shown again, at most.
MOST_TURNS = 50
#: Characters that are kept of each text of a turn, and that are shown again of all turns together.
TEXT_CHARACTERS = 40_000
TURNS_CHARACTERS = 100_000


@dataclass(frozen=True)
class Remembered:
    """Entries of a memory, oldest first; `count` is how many it holds in all."""

    entries: list[JSON]
    count: int


@dataclass(frozen=True)
class Turn:
    """What a model was asked, and what it answered."""

    user: str
    assistant: str


def session_missing() -> NodeError:
    """What a node is told that wants a session's memory in a run without a session."""
    return NodeError(
        "memory_session_missing",
        "This run has no session id, so it has no memory of a session. Start it with one "
        "(`session_id` of POST /flows/{id}/runs, the field Session on pages, or --session of "
        "`manage.py flow run`), or set 'scope' to flow or workspace.",
        field="scope",
    )


class Memories(Protocol):
    """The memories of the run's workspace, of its flow, and of its session where it has one.

    Every method raises NodeError: memory_session_missing where a session's memory is meant and the
    run has no session id.
    """

    async def append(self, scope: Scope, name: str, value: JSON) -> int:
        """Add an entry; how many old ones fell out for it.

        A repeated attempt of the same node in the same iteration adds nothing. NodeError:
        memory_too_many where the workspace may have no further memory.
        """

    async def read(self, scope: Scope, name: str, select: Select, limit: int | None) -> Remembered:
        """`first` and `last`: so many from that end (None: one); `all`: the newest (None: all)."""

    async def clear(self, scope: Scope, name: str) -> int:
        """Forget all entries; how many there were. A repeated attempt clears nothing more."""

    async def turns(self, limit: int) -> Sequence[Turn]:
        """The newest turns of this node in this session, oldest first; none without a session.

        Without what this very step, and the run that this one repeats, said from here on.
        NodeError: memory_too_many.
        """

    def keep_turn(self, turn: Turn) -> None:
        """Have this turn remembered if this attempt succeeds: written with its result, once."""
