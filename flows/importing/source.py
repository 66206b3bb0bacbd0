"""The flow of another product as the importers see it: nodes, edges, and who holds whom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = Any


@dataclass(frozen=True)
class SourceNode:
    """One node of the source. `x`, `y` are absolute, in the product's pixels."""

    id: str
    name: str
    type: str
    config: Mapping[str, JSON]
    x: float = 0
    y: float = 0
    parent: str | None = None
    disabled: bool = False
    raw: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceEdge:
    """One connection; `port` is the product's own name of the way out."""

    source: str
    port: str
    target: str


@dataclass
class SourceFlow:
    """All of it, in the order of the file. `facts` is what only one product has."""

    product: str
    version: str
    name: str
    description: str = ""
    nodes: dict[str, SourceNode] = field(default_factory=dict)
    edges: list[SourceEdge] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    facts: dict[str, JSON] = field(default_factory=dict)

    def before(self, node: str) -> list[str]:
        """The nodes with an edge to this one, each once."""
        return list(dict.fromkeys(edge.source for edge in self.edges if edge.target == node))

    def after(self, node: str, port: str | None = None) -> list[str]:
        """The nodes that this one (or one of its ports) leads to, each once."""
        ways = (e for e in self.edges if e.source == node and port in (None, e.port))
        return list(dict.fromkeys(edge.target for edge in ways))


class Ways:
    """Who leads to whom, for the searches below; made once from the edges."""

    def __init__(self, nodes: Mapping[str, SourceNode], edges: list[SourceEdge]) -> None:
        self.after: dict[str, list[str]] = {node: [] for node in nodes}
        self.before: dict[str, list[str]] = {node: [] for node in nodes}
        for edge in edges:
            self.after[edge.source].append(edge.target)
            self.before[edge.target].append(edge.source)

    def reach(self, start: str, *, back: bool = False, without: str | None = None) -> set[str]:
        """All that can be reached from a node (which is not in it, unless by a circle)."""
        ways = self.before if back else self.after
        seen: set[str] = set()
        todo = list(ways[start])
        while todo:
            node = todo.pop()
            if node in seen or node == without:
                continue
            seen.add(node)
            todo += ways[node]
        return seen

    def order(self) -> tuple[list[str], list[tuple[str, str]]]:
        """The nodes, each after those that lead to it, and the edges that run backwards."""
        done: dict[str, bool] = {}
        ordered: list[str] = []
        backwards: list[tuple[str, str]] = []
        starts = [n for n in self.after if not self.before[n]]
        for start in dict.fromkeys([*starts, *self.after]):
            if start in done:
                continue
            done[start] = False
            stack: list[tuple[str, Iterator[str]]] = [(start, iter(self.after[start]))]
            while stack:
                node, following = stack[-1]
                step = next(following, None)
                if step is None:
                    stack.pop()
                    done[node] = True
                    ordered.append(node)
                elif step not in done:
                    done[step] = False
                    stack.append((step, iter(self.after[step])))
                elif not done[step]:
                    backwards.append((node, step))
        return ordered[::-1], list(dict.fromkeys(backwards))


def mapping(value: JSON) -> dict[str, JSON]:
    """The value where it is an object, else an empty one: files of others hold anything."""
    return value if isinstance(value, dict) else {}


def listing(value: JSON) -> list[JSON]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def mappings(value: JSON) -> list[dict[str, JSON]]:
    """The objects in a list."""
    return [item for item in listing(value) if isinstance(item, dict)]


def words(value: JSON, default: str = "") -> str:
    """The value as text where it is a text or a number."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def number(value: JSON) -> float | None:
    """The value as a number, also from text; None where it is none."""
    try:
        given = float(value) if isinstance(value, str | int | float) else None
    except ValueError:
        return None
    return given if given is not None and abs(given) < 1e12 else None
