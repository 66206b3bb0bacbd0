"""The door of a node that works in steps, each recorded as a run's nodes are.

After a crash the node is run again from its beginning, and steps that were recorded hand back what
they gave: whatever it does has to follow from its settings and from its steps alone.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from flows.engine.errors import NodeError

if TYPE_CHECKING:
    from flows.engine.node_type import Context, Result, RetryDefaults

JSON = Any


@dataclass(frozen=True)
class Step:
    """A step. `number` is its place among those of the node; `name` what people read.

    `type` is the node type that it is like, `input` what is recorded as its settings. A step that
    is not `idempotent` is tried again only where nothing was done.
    """

    number: int
    name: str
    type: str
    input: Mapping[str, JSON]
    timeout_seconds: float
    retry: "RetryDefaults"
    idempotent: bool = True


@dataclass(frozen=True)
class Question:
    """What a step waits for: another flow's run, or a person. `config` is as of that node type."""

    number: int
    name: str
    type: Literal["subflow", "approval"]
    config: Mapping[str, JSON]
    label: str = ""
    timeout_seconds: float | None = None


class Steps(Protocol):
    """The steps of one node."""

    async def do(
        self, step: Step, work: Callable[["Context"], Awaitable["Result"]]
    ) -> dict[str, JSON]:
        """The output of a step: what was recorded, else what `work` gives.

        Raises NodeError where it failed for good.
        """

    async def answers(self, questions: Sequence[Question]) -> Sequence[dict[str, JSON] | NodeError]:
        """The output of each, or how it failed. While one is open, the node is put to rest."""
