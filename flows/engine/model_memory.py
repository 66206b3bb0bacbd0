"""What a model is shown again of a session, for node types that remember their turns."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flows.engine.doors.memory import MOST_TURNS, Turn
from flows.engine.node_type import Context

type Messages = tuple[dict[str, Any], ...]
#: Stands for an answer without words: models refuse messages without text.
NOTHING = "(nothing)"


class ModelMemory(BaseModel):
    """How much of the session goes along."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    turns: int = Field(
        default=10,
        title="Turns",
        description="How many earlier questions and answers of the session the model is shown.",
        ge=1,
        le=MOST_TURNS,
    )


async def earlier_messages(memory: ModelMemory | None, ctx: Context) -> Messages:
    """The session's turns of this node as messages, oldest first. Raises NodeError."""
    if memory is None:
        return ()
    turns = await ctx.memory.turns(memory.turns)
    return tuple(message for turn in turns for message in _messages(turn))


def _messages(turn: Turn) -> Messages:
    answer = turn.assistant if turn.assistant.strip() else NOTHING
    return ({"role": "user", "content": turn.user}, {"role": "assistant", "content": answer})


def keep_turn(memory: ModelMemory | None, user: str, assistant: str, ctx: Context) -> None:
    """Have the session remember this turn if the attempt succeeds."""
    if memory is not None:
        ctx.memory.keep_turn(Turn(user, assistant))
