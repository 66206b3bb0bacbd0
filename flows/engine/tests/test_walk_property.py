"""Whole runs agree with a naive oracle: random flows of nested containers, in any order."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.engine.graph import Graph
from flows.engine.node_type import Result
from flows.engine.plan import FinishRun
from flows.engine.scope import Scope
from flows.engine.tests.random_flows import PORTS, random_flow
from flows.engine.tests.run_oracle import End, Opened, Path, Place, RunOracle
from flows.engine.walk import Cancel, Compute, Ended, Skip, Start, Walk

JSON = Any
BOOM: JSON = {"code": "boom", "message": "Broke."}


class Trial:
    """One run in both worlds: the walk that is tried, and the oracle."""

    def __init__(self, seed: int, *, stops: float = 1.0) -> None:
        self.chance = random.Random(seed)
        document = random_flow(self.chance, stops=stops, disabled=0.1 if seed % 3 else 0)
        self.walk = Walk(Graph(document), {"run": {}, "vars": {}})
        self.oracle = RunOracle(document)
        self.scopes: dict[Place, Scope] = {}
        self.running: set[Place] = set()
        self.wanted: dict[tuple[Path, str], Compute] = {}
        self.ended: dict[Place, Ended] = {}
        self.skipped: set[Place] = set()
        self.cancelled: set[Place] = set()
        self.just_settled: set[Place] = set()  # since the walk was last asked
        self.over: FinishRun | None = None
        self.told: list[str] = []
        self.deepest = 0

    def take(self) -> set[Place]:
        """Take the walk's commands; the places that were cancelled."""
        cancelled: set[Place] = set()
        for command in self.walk.advance():
            assert self.over is None, "a command after the end"
            self._take(command, cancelled)
        assert self.walk.advance() == []
        self.just_settled.clear()
        return cancelled

    def _take(self, command: Any, cancelled: set[Place]) -> None:
        if isinstance(command, FinishRun):
            self.over = command
            self.told.append(f"over {command.status} {command.error} {command.outputs}")
            return
        place = Place(command.scope.path, getattr(command, "node", getattr(command, "part", "")))
        self.told.append(f"{type(command).__name__} {place}")
        self.deepest = max(self.deepest, len(place.path) // 2)
        match command:
            case Start(scope=scope):
                assert place not in self.scopes, f"{place} started twice"
                self.scopes[place] = scope
                self.running.add(place)
            case Skip():
                assert place not in self.skipped, f"{place} skipped twice"
                self.skipped.add(place)
            case Cancel():
                at_work = place in self.running or place in self.just_settled
                assert at_work, f"{place} was cancelled and does not run"
                assert place not in self.cancelled, f"{place} was cancelled twice"
                self.running.discard(place)
                self.ended.pop(place, None)
                self.cancelled.add(place)
                cancelled.add(place)
            case Compute():
                assert tuple(place) not in self.wanted
                self.wanted[place.path, place.node] = command
            case Ended():
                assert place not in self.ended
                self.ended[place] = command

    def compare(self, before: set[Place], reported: set[Place], cancelled: set[Place]) -> None:
        """The walk and the oracle want the same, and what was closed was cancelled."""
        world = self.oracle.look()
        assert (self.over is None) == (world.over is None)
        assert self.running == world.running
        assert cancelled == before - reported - world.running
        if world.over is not None:
            assert self.over is not None
            same_end(self.over, world.over)
            return
        assert self.skipped == self.oracle.skipped
        going = {key for key, command in self.wanted.items() if not command.scope.closed}
        assert going == world.wanted
        assert self.ended.keys() == world.ended.keys()
        for place, command in self.ended.items():
            same_container(command, world.ended[place])

    def to_the_end(self) -> FinishRun:
        before: set[Place] = set()
        reported: set[Place] = set()
        while True:
            cancelled = self.take()
            self.compare(before, reported, cancelled)
            if self.over is not None:
                return self.over
            before = set(self.running)
            reported = self.report()

    # What the world answers.

    def report(self) -> set[Place]:
        """Have one thing happen in both worlds; the place that it settled, where it did."""
        self._report_something_late()
        unopened = {p for p in self.running if not self._is_opened(p) and p not in self.ended}
        live = [key for key, command in self.wanted.items() if not command.scope.closed]
        choices = [*sorted(unopened, key=repr), *sorted(live, key=repr), *self.ended]
        chosen = self.chance.choice(choices)
        if not isinstance(chosen, Place):
            self._computed(self.wanted.pop(chosen), chosen)
            return set()
        if chosen in self.ended:
            self._container_reported(chosen)
            return {chosen}
        kind = self.oracle.nodes[chosen.node].type
        if kind in ("map", "loop") and self.chance.random() < 0.9:
            self._open(chosen, kind)
            return set()
        self._complete(chosen)
        return {chosen}

    def _is_opened(self, place: Place) -> bool:
        return place in self.oracle.opened

    def _report_something_late(self) -> None:
        """What is said of a scope that was closed meanwhile counts for nothing."""
        closed = sorted((p for p in self.cancelled if self.scopes[p].closed), key=repr)
        if closed and self.chance.random() < 0.1:
            place = self.chance.choice(closed)
            if self.chance.random() < 0.5:
                self.walk.fail(self.scopes[place], place.node, BOOM)
            else:
                self.walk.succeed(self.scopes[place], place.node, Result({}))

    def _open(self, place: Place, kind: str) -> None:
        scope = self.scopes[place]
        if kind == "map":
            items, width = self.chance.randint(0, 4), self.chance.randint(1, 3)
            policy: Any = self.chance.choice(("fail", "skip", "collect"))
            self.oracle.opened[place] = Opened(items, width, policy)
            many = list(range(items))
            self.walk.open_map(scope, place.node, many, concurrency=width, on_item_error=policy)
        else:
            most, state = self.chance.randint(1, 3), {"n": 0}
            self.oracle.opened[place] = Opened(state=state, most=most)
            self.walk.open_loop(scope, place.node, state, max_iterations=most)

    def _complete(self, place: Place) -> None:
        self.running.discard(place)
        self.just_settled.add(place)
        scope, luck = self.scopes[place], self.chance.random()
        if luck < 0.12:
            self.walk.fail(scope, place.node, BOOM)
            self.oracle.failed(place, BOOM)
            return
        ports = tuple(port for port in PORTS if self.chance.random() < 0.7)
        stop = None
        if luck > 0.93:
            leaves = self.chance.choices(("run", "item", "container"), (1, 3, 3))[0]
            if not place.path:
                leaves = "run"
            stop = (self.chance.choice(("succeeded", "failed")), leaves)
        status, leave = stop or (None, "run")
        result = Result({"value": place.node}, ports, ends_run=status, leaves=leave)  # type: ignore[arg-type]
        self.walk.succeed(scope, place.node, result)
        self.oracle.succeeded(place, ports, place.node, stop)

    def _container_reported(self, place: Place) -> None:
        command = self.ended.pop(place)
        self.running.discard(place)
        self.just_settled.add(place)
        if command.result is None:
            assert command.error is not None
            self.walk.fail(command.scope, place.node, command.error)
            self.oracle.failed(place, command.error)
        else:
            self.walk.succeed(command.scope, place.node, command.result)
            self.oracle.succeeded(place, command.result.ports, None, None)

    def _computed(self, command: Compute, key: tuple[Path, str]) -> None:
        path, part = key
        if self.chance.random() < 0.1:
            self.walk.not_computed(command, BOOM)
            error = {**BOOM, "node": path[-2], "path": path}
            self.oracle.values[key] = ("failed", error)
            return
        value: JSON = {"n": self.chance.randint(1, 9)}
        if part == "while":
            value = self.chance.random() < 0.8
        self.walk.computed(command, value)
        self.oracle.values[key] = ("ok", value)


def told_of(error: JSON) -> tuple[JSON, JSON, tuple[JSON, ...]] | None:
    """What an error says of itself: code, node and place."""
    return None if error is None else (error["code"], error["node"], tuple(error.get("path", ())))


def same_end(over: FinishRun, expected: End) -> None:
    assert over.status == expected.status
    assert told_of(over.error) == told_of(expected.error)
    assert over.outputs == expected.outputs


def same_container(command: Ended, expected: End) -> None:
    assert told_of(command.error) == told_of(expected.error)
    assert (command.result is None) == (expected.status == "failed")
    if command.result is None:
        return
    output = dict(command.result.output)
    if "items" in output:
        assert output.pop("count") == len(output["items"])
        output["errors"] = [(e["index"], told_of(e)) for e in output["errors"]]
        wanted = [(number, told_of(error)) for number, error in expected.outputs["errors"]]
        assert output == {"items": expected.outputs["items"], "errors": wanted}
    else:
        assert output == expected.outputs


def test_thousands_of_random_runs_with_containers_follow_the_oracle() -> None:
    trials = [Trial(seed, stops=seed % 3) for seed in range(3_000)]
    ends = [trial.to_the_end() for trial in trials]
    # The generator has to reach every corner often, or it shows little.
    assert sum(end.status == "failed" for end in ends) > 150
    assert sum(end.status == "succeeded" for end in ends) > 500
    assert sum(trial.deepest >= 3 for trial in trials) > 50
    assert sum(bool(trial.cancelled) for trial in trials) > 150
    assert sum(end.leaves == "run" and "path" in (end.error or {}) for end in ends) > 10


@settings(max_examples=200, deadline=None)
@given(st.integers(min_value=3_000), st.sampled_from((0.0, 1.0, 4.0)))
def test_any_random_run_with_containers_follows_the_oracle(seed: int, stops: float) -> None:
    trial = Trial(seed, stops=stops)
    trial.to_the_end()
    assert trial.running == set()


@settings(max_examples=100, deadline=None)
@given(st.integers())
def test_the_same_reports_give_the_same_commands_also_in_containers(seed: int) -> None:
    first, second = Trial(seed), Trial(seed)
    assert first.to_the_end() == second.to_the_end()
    assert first.told == second.told


def in_batches(seed: int) -> Trial:
    """Several things happen before the walk is asked again, as in one task of a workflow."""
    trial = Trial(seed)
    while trial.over is None:
        trial.take()
        for _ in range(trial.chance.randint(1, 6)):
            if trial.running and trial.over is None and anything_left(trial):
                trial.report()
    return trial


def anything_left(trial: Trial) -> bool:
    live = any(not command.scope.closed for command in trial.wanted.values())
    fresh = any(place not in trial.oracle.opened for place in trial.running)
    return bool(live or fresh or trial.ended)


@settings(max_examples=200, deadline=None)
@given(st.integers())
def test_whatever_happens_at_once_nothing_is_left_running(seed: int) -> None:
    trial = in_batches(seed)
    assert trial.running == set()
    assert trial.walk.is_over
