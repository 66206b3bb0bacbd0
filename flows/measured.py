"""Sizes of what a call changes in a draft, each part measured once however often it is asked."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flows.engine.patch import EdgeKey, Entry
from flows.engine.sizes import compact_size, size_in_document

JSON = Any
#: Bytes in a document that a node's place takes, about.
_PLACE_BYTES = 100


class Measured:
    """Remembers sizes by which value it is: values of a draft are replaced, never changed."""

    def __init__(self, measure: Callable[[JSON], int]) -> None:
        self._measure = measure
        # The value is kept with its size, so that no other can come to have its identity.
        self._known: dict[int, tuple[JSON, int]] = {}

    def __call__(self, value: JSON) -> int:
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = (value, self._measure(value))
        return known[1]


class PartSizes:
    """Bytes that nodes and edges take of a document."""

    def __init__(self) -> None:
        self._entry = Measured(size_in_document)
        self._edges: dict[EdgeKey, int] = {}

    def of_changed(self, nodes: Mapping[str, Entry], others: Mapping[str, Entry]) -> int:
        """Of the nodes that are not the same in `others`."""
        return sum(
            self._entry(entry) + _PLACE_BYTES
            for key, entry in nodes.items()
            if others.get(key) is not entry
        )

    def of_edges(self, edges: Iterable[EdgeKey]) -> int:
        return sum(self._edge(edge) for edge in edges)

    def _edge(self, edge: EdgeKey) -> int:
        if edge not in self._edges:
            self._edges[edge] = size_in_document({"from": edge[0], "to": edge[1]})
        return self._edges[edge]


class PinSizes:
    """Bytes that all pinned outputs of a draft take, while operations come and go.

    `beside` gives those of nodes that were not read; it is asked once, if it matters at all.
    """

    def __init__(self, beside: Callable[[], int]) -> None:
        self._beside = beside
        self._others: int | None = None
        self._measure = Measured(compact_size)
        self._counted: Mapping[str, Entry] | None = None
        self._held = 0

    def of(self, value: JSON) -> int:
        return 0 if value is None else self._measure(value)

    def with_one(self, pins: Mapping[str, Entry], node: str, value: JSON) -> int:
        """Of all, were this the node's."""
        if self._others is None:
            self._others = self._beside()
        if self._counted is not pins:  # a change was taken back, or nodes have other names
            self._counted, self._held = pins, sum(self.of(pin) for pin in pins.values())
        return self._others + self._held + self.of(value) - self.of(pins.get(node))

    def replaced(self, before: JSON, after: JSON) -> None:
        """Say so whenever a pin is set, taken away, or gone with its node."""
        self._held += self.of(after) - self.of(before)
