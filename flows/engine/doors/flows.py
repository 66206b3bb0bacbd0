"""The door to other flows of the workspace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

JSON = Any


@dataclass(frozen=True)
class FlowFacts:
    """A published version of a flow. `fields` are those of its input node."""

    id: str
    slug: str
    name: str
    description: str
    fields: Sequence[Mapping[str, JSON]]


class Flows(Protocol):
    """Reads what a flow is; runs of it are started by `Steps.answers`."""

    async def facts(self, reference: str, version: int | None = None) -> FlowFacts:
        """Of the flow with this id or slug, as it is published or in this version.

        Raises NodeError: subflow_missing, subflow_not_published.
        """
