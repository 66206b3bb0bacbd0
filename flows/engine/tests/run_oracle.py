"""A naive view of whole runs with containers: after each report it looks at everything anew.

Written from the contract, sharing nothing with `flows.engine.walk`, `plan` and `containers`: it
goes down from the flow through every open item and round, and says what has to be going on.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.engine.document import Document

JSON = Any
type Path = tuple[str | int, ...]


class Place(NamedTuple):
    """A node in an item or round."""

    path: Path
    node: str


@dataclass(frozen=True)
class Opened:
    """With what a container was opened: `items` or, for a loop, `most` rounds from `state` on."""

    items: int = 0
    concurrency: int = 1
    policy: str = "fail"
    state: JSON = None
    most: int = 0


@dataclass(frozen=True)
class End:
    """How a scope or container ended; `leaves` is set where a stop node did it."""

    status: str
    error: JSON = None
    leaves: str | None = None
    outputs: JSON = None


@dataclass
class World:
    """What has to be going on: nodes at work, fields to evaluate, containers to be reported."""

    running: set[Place] = field(default_factory=set)
    wanted: set[tuple[Path, str]] = field(default_factory=set)
    ended: dict[Place, End] = field(default_factory=dict)
    over: End | None = None


class RunOracle:
    """Facts, as they were reported; everything else is found by looking."""

    def __init__(self, document: Document) -> None:
        self.nodes = {node.id: node for node in document.nodes if node.type != "note"}
        self.edges = [e for e in document.edges if {e.source, e.target} <= self.nodes.keys()]
        self.results: dict[Place, tuple[str, JSON]] = {}  # ("ok", live ports) | ("failed", error)
        self.outputs: dict[str, JSON] = {}  # of the flow's own output nodes
        self.opened: dict[Place, Opened] = {}
        self.values: dict[tuple[Path, str], tuple[str, JSON]] = {}
        self.ends: dict[Path, End] = {}
        self.verdicts: dict[Place, End] = {}
        self.started: set[Place] = set()
        self.skipped: set[Place] = set()
        self.passed: set[Place] = set()  # of those, the disabled ones that a path led to
        self.over: End | None = None
        self._again = False

    # What is reported. Only what is going on may be.

    def succeeded(self, place: Place, ports: tuple[str, ...], value: JSON, stop: JSON) -> None:
        """`stop`: None, or (status, what it leaves) of a stop node."""
        self.results[place] = ("ok", ports)
        if not place.path and self.nodes[place.node].type == "output":
            self.outputs[place.node] = value
        if stop is not None:
            status, leaves = stop
            error = {"code": "stopped", "node": place.node, "path": place.path}
            self._end(place.path, End(status, error if status == "failed" else None, leaves))

    def failed(self, place: Place, error: JSON) -> None:
        said = {"node": place.node, "path": place.path, **error}
        self.results[place] = ("failed", said)
        if self.nodes[place.node].on_error == "stop":
            self._end(place.path, End("failed", said))

    def _end(self, path: Path, end: End) -> None:
        if path not in self.ends:
            end = End(end.status, end.error, end.leaves, dict(self.outputs))
            self.ends[path] = end

    # Looking.

    def look(self) -> World:
        """What has to be going on now."""
        while True:
            self._again = False
            world = World()
            end = self._scope((), world)
            if self.over is None and end is not None:
                self.over = End(end.status, end.error, end.leaves, end.outputs)
            if self.over is not None:
                return World(over=self.over)
            if not self._again:
                return world

    def _scope(self, path: Path, world: World) -> End | None:
        """What goes on in a scope is added to `world`; its end where it is over."""
        if path in self.ends:
            return self.ends[path]
        container = path[-2] if path else None
        nodes = [name for name, node in self.nodes.items() if node.parent == container]
        self._settle(path, nodes)
        running = [Place(path, name) for name in nodes if Place(path, name) in self.started]
        running = [place for place in running if place not in self.results]
        if not running:
            self._end(path, End("succeeded"))
            return self.ends[path]
        for place in running:
            world.running.add(place)
            if place in self.opened:
                self._container(place, world)
        return None

    def _settle(self, path: Path, nodes: list[str]) -> None:
        """Start and skip what can be, going round until nothing changes."""
        changed = True
        while changed:
            changed = False
            for name in nodes:
                place = Place(path, name)
                if place in self.started or place in self.skipped:
                    continue
                into = [self._edge(path, e) for e in self.edges if e.target == name]
                if "open" not in into:
                    alive = not into or "live" in into
                    if alive and self.nodes[name].disabled:
                        self.passed.add(place)
                        alive = False
                    (self.started if alive else self.skipped).add(place)
                    changed = True

    def _edge(self, path: Path, edge: JSON) -> str:
        place = Place(path, edge.source)
        if place in self.passed:
            # The first port of all types there are in random flows.
            return "live" if edge.port == "out" else "dead"
        if place in self.skipped:
            return "dead"
        if place not in self.results:
            return "open"
        outcome, ports = self.results[place]
        if outcome == "failed":
            policy = self.nodes[edge.source].on_error
            ports = {"continue": ("out",), "branch": ("error",), "stop": ()}[policy]
        return "live" if edge.port in ports else "dead"

    def _container(self, place: Place, world: World) -> None:
        if place in self.verdicts:
            world.ended[place] = self.verdicts[place]
            return
        inner = World()
        look = self._map if self.nodes[place.node].type == "map" else self._loop
        end = look(place, inner)
        if end is not None:
            self.verdicts[place] = end
            world.ended[place] = end
            return
        world.running |= inner.running
        world.wanted |= inner.wanted
        world.ended |= inner.ended

    def _map(self, place: Place, world: World) -> End | None:
        facts = self.opened[place]
        done: dict[int, End] = {}
        last: End | None = None
        while True:
            before = len(done)
            shown = min(facts.items, len(done) + facts.concurrency)
            for number in range(shown):
                end = self._inner((*place.path, place.node, number), "result", world)
                if end is None:
                    continue
                if end.leaves == "container" or (end.status == "failed" and facts.policy == "fail"):
                    last = end
                else:
                    done[number] = end
            if len(done) == before:
                break
            world.running.clear()
            world.wanted.clear()
            world.ended.clear()
        if last is None and len(done) < facts.items:
            return None
        return self._map_end(last, done, facts)

    def _map_end(self, end: End | None, done: dict[int, End], facts: Opened) -> End:
        if end is not None and end.status == "failed":
            return end
        items = [
            None if entry.status == "failed" else entry.outputs
            for _, entry in sorted(done.items())
            if entry.status == "succeeded" or facts.policy == "collect"
        ]
        errors = [(n, entry.error) for n, entry in sorted(done.items()) if entry.error is not None]
        return End("succeeded", outputs={"items": items, "errors": errors})

    def _loop(self, place: Place, world: World) -> End | None:
        facts = self.opened[place]
        state, rounds = facts.state, 0
        while True:
            path = (*place.path, place.node, rounds)
            if rounds == facts.most:
                break
            if "while" in self.nodes[place.node].config:
                if (path, "while") not in self.values:
                    world.wanted.add((path, "while"))
                    return None
                how, value = self.values[path, "while"]
                if how == "failed":
                    return End("failed", value)
                if not value:
                    break
            end = self._inner(path, "update", world)
            if end is None:
                return None
            if end.status == "failed":
                return end
            if end.leaves == "container":
                break
            state, rounds = {**state, **end.outputs}, rounds + 1
        return End("succeeded", outputs={"state": state, "iterations": rounds})

    def _inner(self, path: Path, part: str, world: World) -> End | None:
        """The end of an item or round with its field evaluated; None while it goes on."""
        end = self._scope(path, world)
        if end is None:
            return None
        if end.leaves == "run":
            self.over = End(end.status, end.error, "run", dict(self.outputs))
        if end.status == "failed" or end.leaves in ("run", "container"):
            return end
        if (path, part) not in self.values:
            world.wanted.add((path, part))
            return None
        how, value = self.values[path, part]
        return End("failed", value) if how == "failed" else End("succeeded", outputs=value)
