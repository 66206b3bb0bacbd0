"""What a walk commands its driver to do."""

from dataclasses import dataclass
from typing import Any

from flows.engine.inside import Part
from flows.engine.node_type import Result
from flows.engine.plan import FinishRun
from flows.engine.reuse import Taken
from flows.engine.scope import Scope

JSON = Any


@dataclass(frozen=True)
class Start:
    """Run this node now; a container is opened with `open_map` or `open_loop`."""

    scope: Scope
    node: str


@dataclass(frozen=True)
class Skip:
    """This node will not run; `ports`: where it is disabled, the ways on (see `plan.SkipNode`)."""

    scope: Scope
    node: str
    ports: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Reused:
    """This node's result was taken from the run that is repeated; it is settled already."""

    scope: Scope
    node: str
    taken: Taken


@dataclass(frozen=True)
class Compute:
    """Evaluate a field of the container around `scope`, with what is known in `scope`."""

    scope: Scope
    part: Part


@dataclass(frozen=True)
class Ended:
    """A container is through: report its result (or failure) as of any other node."""

    scope: Scope
    node: str
    result: Result | None
    error: dict[str, JSON] | None


@dataclass(frozen=True)
class Cancel:
    """Stop this running node, whatever comes of it; its scope is closed."""

    scope: Scope
    node: str


type Command = Start | Skip | Reused | Compute | Ended | Cancel | FinishRun
