"""Repeated runs of random flows run again what they have to, and end as a whole run would."""

import random
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.engine.document import Document
from flows.engine.graph import Graph
from flows.engine.node_type import Result
from flows.engine.plan import FinishRun
from flows.engine.reuse import Reuse, Taken
from flows.engine.scope import Scope
from flows.engine.sight import incoming_of
from flows.engine.tests.random_flows import random_flow
from flows.engine.tests.run_oracle import Path, Place
from flows.engine.walk import Compute, Ended, Reused, Skip, Start, Walk

JSON = Any
BOOM: JSON = {"code": "boom", "message": "Broke."}


@dataclass
class Nature:
    """What nodes give: it follows from what they see alone, and from `salts` of some of them.

    `broken` are the places whose nodes fail. Steps that see something else give something else, so
    a result that was taken over wrongly shows in all that follows it.
    """

    broken: set[Place] = field(default_factory=set)
    salts: dict[str, int] = field(default_factory=dict)

    def number(self, *seen: JSON) -> int:
        return int.from_bytes(sha256(repr(seen).encode()).digest()[:4])

    def of_node(self, scope: Scope, node: str, graph: Graph) -> int:
        names = [(at.names, at.path) for at in scope.chain()]
        around = [
            sorted((name, at.state.outputs.get(name)) for name in graph.ancestors(holder))
            for at, holder in zip(list(scope.chain())[1:], graph.holders(node), strict=True)
        ]
        seen = sorted(incoming_of(graph, scope, node))
        return self.number(node, names, seen, around, self.salts.get(node, 0))


class Play:
    """One run of a flow, carried out in a random order."""

    def __init__(
        self, document: Document, nature: Nature, seed: int, reuse: Reuse | None = None
    ) -> None:
        self.chance = random.Random(seed)
        self.nature = nature
        self.graph = Graph(document)
        self.walk = Walk(self.graph, {}, reuse=reuse)
        self.statuses: dict[Place, str] = {}
        self.results: dict[Place, Taken] = {}
        self.reused: set[Place] = set()
        self.ran: set[Place] = set()
        self.passed: set[Place] = set()  # disabled nodes that a path led to
        self.end = self._to_the_end()

    def _to_the_end(self) -> FinishRun:
        todo: list[Any] = []
        while True:
            for command in self.walk.advance():
                match command:
                    case FinishRun():
                        return command
                    case Skip(scope=scope, node=node, ports=ports):
                        self.statuses[Place(scope.path, node)] = "skipped"
                        if ports is not None:
                            self.passed.add(Place(scope.path, node))
                    case Reused(scope=scope, node=node, taken=taken):
                        self.reused.add(Place(scope.path, node))
                        self._note(scope, node, taken)
                    case _:
                        todo.append(command)
            chosen = todo.pop(self.chance.randrange(len(todo)))
            if not chosen.scope.is_over or isinstance(chosen, Compute):
                self._do(chosen)

    def _note(self, scope: Scope, node: str, taken: Taken | None) -> None:
        place = Place(scope.path, node)
        self.statuses[place] = "failed" if taken is None else "succeeded"
        if taken is not None:
            self.results[place] = taken

    def _do(self, command: Any) -> None:
        match command:
            case Start(scope=scope, node=node):
                self.ran.add(Place(scope.path, node))
                self._start(scope, node)
            case Compute(scope=scope, part=part):
                outputs = sorted((k, repr(v)) for k, v in scope.state.outputs.items())
                number = self.nature.number(scope.path, outputs, scope.names)
                value: JSON = {"n": number}
                self.walk.computed(command, number % 4 > 0 if part == "while" else value)
            case Ended(scope=scope, node=node, result=None):
                self._note(scope, node, None)
                # Which of two failures came first is no matter here.
                self.walk.fail(scope, node, BOOM)
            case Ended(scope=scope, node=node, result=Result() as result):
                output = {name: value for name, value in result.output.items() if name != "errors"}
                self._note(scope, node, Taken(output))
                self.walk.succeed(scope, node, Result(output))

    def _start(self, scope: Scope, node: str) -> None:
        number = self.nature.of_node(scope, node, self.graph)
        kind = self.graph.nodes[node].type
        if kind == "map":
            items = [self.nature.number(number, n) for n in range(number % 4)]
            policy: Any = ("fail", "skip", "collect")[self.nature.number(node) % 3]
            self.walk.open_map(scope, node, items, concurrency=2, on_item_error=policy)
        elif kind == "loop":
            self.walk.open_loop(scope, node, {"n": number}, max_iterations=1 + number % 3)
        elif Place(scope.path, node) in self.nature.broken:
            self._note(scope, node, None)
            self.walk.fail(scope, node, BOOM)
        else:
            ports = ("out", "yes") if number % 3 else ("out", "no")
            result = Result({"value": number}, ports)
            self._note(scope, node, Taken(result.output, ports))
            self.walk.succeed(scope, node, result)


def reuse_of(play: Play, **more: Any) -> Reuse:
    return Reuse(lambda path, node: play.results.get(Place(path, node)), **more)


def kept(document: Document, play: Play, before: Play, **how: Any) -> set[Place]:
    """The places whose results a repeated run has to take over, looked up anew for each.

    Everything that has a result is kept, unless it is the start or holds it, or something before
    it (in its scope, before a container around it, or in an earlier round of a loop around it) ran
    again; or unless a container around it begins from nothing.
    """
    nodes = {node.id: node for node in document.nodes if node.type != "note"}
    start, only_failed = how.get("start"), how.get("only_failed", False)

    def parents(node: str | None) -> list[str]:
        holder = nodes[node].parent if node else None
        return [holder, *parents(holder)] if holder else []

    def before_in_scope(node: str) -> set[str]:
        direct = {e.source for e in document.edges if e.target == node and e.source in nodes}
        return direct.union(*(before_in_scope(source) for source in direct))

    # A disabled node from which a run is repeated counts as one that ran again.
    anew = play.ran | {p for p in play.passed if p.node == start or p.node in parents(start)}

    def ran(path: Path, node: str) -> bool:
        return Place(path, node) in anew

    def is_kept(path: Path, node: str) -> bool:
        if Place(path, node) not in before.results or node == start or node in parents(start):
            return False
        at, name = path, node
        while True:
            if any(ran(at, source) for source in before_in_scope(name)):
                return False
            if not at:
                return True
            container, number = str(at[-2]), int(at[-1])
            if how.get("edited") or (container == start and not only_failed):
                return False
            if nodes[container].type == "loop":
                rounds = [(*at[:-1], n) for n in range(number)]
                if any(place.path in rounds for place in anew):
                    return False
            at, name = at[:-2], container

    reached = play.reused | play.ran
    return {place for place in reached if is_kept(*place)}


def left_broken(first: Play, again: Play) -> set[Place]:
    """What failed in containers that are kept with all that is in them."""
    return {
        place
        for place in first.nature.broken
        if any(
            Place(place.path[:n], str(place.path[n])) in again.reused
            for n in range(0, len(place.path), 2)
        )
    }


def broken_places(chance: random.Random, whole: Play) -> set[Place]:
    share = chance.choice((0.0, 0.05, 0.2))
    plain = [p for p in whole.ran if whole.graph.nodes[p.node].type not in ("map", "loop")]
    return {place for place in sorted(plain, key=repr) if chance.random() < share}


def compare(seed: int) -> tuple[int, int]:
    """Run, with something broken; mend it, repeat from somewhere; how much was kept and ran."""
    chance = random.Random(seed)
    document = random_flow(chance, stops=2, disabled=0.1 if seed % 3 else 0)
    whole = Play(document, Nature(), seed)
    first = Play(document, Nature(broken_places(chance, whole)), seed)
    start = chance.choice([None, None, *whole.graph.nodes])
    children = [] if start is None else whole.graph.children.get(start, [])
    how = {"start": start, "only_failed": bool(children) and chance.random() < 0.5}
    # What is repeated from may give something else this time, and so all that is in it.
    changed = [] if start is None or how["only_failed"] else [start, *whole.graph.inside(start)]
    nature = Nature(salts={node: chance.randint(0, 2) for node in changed})
    again = Play(document, nature, seed + 1, reuse_of(first, **how))
    assert again.reused == kept(document, again, first, **how)
    assert again.reused.isdisjoint(again.ran)
    whole_nature = Nature(left_broken(first, again), nature.salts)
    expected = Play(document, whole_nature, seed + 2)
    assert (again.end.status, again.end.outputs) == (expected.end.status, expected.end.outputs)
    assert {p: t for p, t in again.results.items() if p in expected.results} == {
        p: t for p, t in expected.results.items() if p in again.results
    }
    top = {p: s for p, s in again.statuses.items() if not p.path}
    assert top == {p: s for p, s in expected.statuses.items() if not p.path}
    return len(again.reused), len(again.ran)


def test_thousands_of_repeated_runs_end_as_whole_ones_and_keep_what_they_may() -> None:
    counts = [compare(seed) for seed in range(3_000)]
    assert sum(bool(kept and ran) for kept, ran in counts) > 500


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=3_000))
def test_any_repeated_run_ends_as_a_whole_one(seed: int) -> None:
    kept_count, ran = compare(seed)
    assert kept_count + ran >= 0


def test_with_other_inputs_nothing_in_containers_that_open_again_is_kept() -> None:
    for seed in range(300):
        chance = random.Random(seed)
        document = random_flow(chance, stops=0)
        first = Play(document, Nature(), seed)
        start = chance.choice([None, *first.graph.nodes])
        how: JSON = {"start": start, "edited": True}
        again = Play(document, Nature(salts={start or "": 1}), seed, reuse_of(first, **how))
        assert again.reused == kept(document, again, first, **how)
        assert all(not place.path for place in again.reused)
