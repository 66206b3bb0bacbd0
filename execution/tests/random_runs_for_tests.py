"""Random flows of real node types, and a naive reckoning of what a run of each has to leave.

Numbers go through them, so that what was read wrongly shows in the end. Nothing in them depends on
which of two steps is done first: where a failure or a stop ends a scope, its steps are in a row.
"""

import random
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from execution.tests.flows_for_tests import document, output, start_node

JSON = Any
type Path = tuple[str | int, ...]
#: Numbers stay small.
MODULUS = 97
#: How the number that a step gave is read; 0 where it gave none.
READ = {
    "start": "(start.n | int)",
    "calc": "({}.v | default(0))",
    "ask": "({}.text | default('0') | int)",
    "map": "({}.count | default(0))",
    "loop": "({}.state.n | default(0))",
    "subflow": "({}.end | default(0))",
}


@dataclass
class Step:
    """One node: `reads` are the steps whose numbers it adds to `plus`; it fails where the sum is
    divisible by `breaks_at`.
    """

    name: str
    kind: str
    parent: str | None
    reads: list[str]
    plus: int
    on_error: str
    breaks_at: int = 0
    policy: str = "collect"
    width: int = 1
    items: int = 0
    leaves: str = "item"
    status: str = "succeeded"
    has_while: bool = False
    disabled: bool = False

    @property
    def first_port(self) -> tuple[str, ...]:
        """The way on where it is disabled."""
        return {"if": ("true",), "stop": ()}.get(self.kind, ("out",))


@dataclass
class RandomFlow:
    """Steps in an order in which each comes after what it depends on, and edges with ports."""

    steps: dict[str, Step] = field(default_factory=dict)
    edges: list[tuple[str, str, str]] = field(default_factory=list)

    def inside(self, parent: str | None) -> list[Step]:
        return [step for step in self.steps.values() if step.parent == parent]

    def document(self, child: str = "", slow: str = "", **more: JSON) -> dict[str, JSON]:
        """As a flow's document. `child` is the flow that sub-flows run, `slow` marks calls."""
        nodes = [self._node(step, child, slow) for step in self.steps.values()]
        edges = [f"{source}.{port}>{target}" for source, port, target in self.edges]
        for step in self.inside(None):
            if not any(target == step.name for _, _, target in self.edges):
                edges.append(f"start>{step.name}")
        ends = [step for step in self.inside(None) if step.kind in READ]
        nodes += [output(f"{{{{ {read(step)} }}}}", f"end_{step.name}") for step in ends]
        edges += [f"{step.name}>end_{step.name}" for step in ends]
        return document([start_node("n"), *nodes], edges, **more)

    def sum_of(self, step: Step) -> str:
        """The expression of the number that a step begins with."""
        parts = [
            read(self.steps[name]) if name != "start" else READ["start"] for name in step.reads
        ]
        if step.parent:
            around = self.steps[step.parent]
            parts += ["item", "index"] if around.kind == "map" else ["state.n", "index"]
        return f"({' + '.join([*parts, str(step.plus)])})"

    def _node(self, step: Step, child: str, slow: str) -> dict[str, JSON]:
        node: dict[str, JSON] = {"id": step.name, "type": step.kind, "on_error": step.on_error}
        if step.parent:
            node["parent"] = step.parent
        if step.disabled:
            node["disabled"] = True
        return {**node, **getattr(self, f"_{step.kind}")(step, self.sum_of(step), child, slow)}

    def _calc(self, step: Step, total: str, child: str, slow: str) -> dict[str, JSON]:
        value = f"{total} % {MODULUS}"
        if step.breaks_at:
            value += f" + 0 * (1 // ({total} % {step.breaks_at}))"
        return {"type": "transform", "config": {"fields": {"v": f"{{{{ {value} }}}}"}}}

    def _ask(self, step: Step, total: str, child: str, slow: str) -> dict[str, JSON]:
        prompt = f"{total} % {MODULUS}"
        if step.breaks_at:
            prompt = f"'[[error-400]]' if {total} % {step.breaks_at} == 0 else {prompt}"
        config = {"model": f"openai_compatible/{slow or 'echo'}", "prompt": f"{{{{ {prompt} }}}}"}
        return {"type": "llm", "config": config, "retry": {"max_attempts": 1}}

    def _if(self, step: Step, total: str, child: str, slow: str) -> dict[str, JSON]:
        return {"config": {"condition": f"{{{{ {total} % 2 == 0 }}}}"}}

    def _wait(self, step: Step, total: str, child: str, slow: str) -> dict[str, JSON]:
        return {"config": {"seconds": 0.05 if not slow else 0.4}}

    def _stop(self, step: Step, total: str, child: str, slow: str) -> dict[str, JSON]:
        return {"config": {"status": step.status, "leave": step.leaves}}

    def _subflow(self, step: Step, total: str, child: str, slow: str) -> dict[str, JSON]:
        return {"config": {"flow": child, "inputs": {"n": f"{{{{ {total} % {MODULUS} }}}}"}}}

    def _map(self, step: Step, total: str, child: str, slow: str) -> dict[str, JSON]:
        items = [f"{{{{ {total} + {n} }}}}" for n in range(step.items)]
        result = " + ".join(["index", *(read(s) for s in self.inside(step.name) if s.kind in READ)])
        config = {"items": items, "result": f"{{{{ {result} }}}}"}
        return {"config": {**config, "on_item_error": step.policy, "concurrency": step.width}}

    def _loop(self, step: Step, total: str, child: str, slow: str) -> dict[str, JSON]:
        new = ["state.n", "1", *(read(s) for s in self.inside(step.name) if s.kind in READ)]
        update = f"{{{{ ({' + '.join(new)}) % {MODULUS} }}}}"
        config: dict[str, JSON] = {"state": {"n": f"{{{{ {total} }}}}"}, "update": {"n": update}}
        if step.has_while:
            config["while"] = "{{ state.n % 7 != 0 }}"
        return {"config": {**config, "max_iterations": step.items}}


def read(step: Step) -> str:
    """The expression of a step's number."""
    return READ[step.kind].format(step.name)


def random_run_flow(
    chance: random.Random, *, waits: bool, depth: int = 3, disabled: float = 0.0
) -> RandomFlow:
    """A random flow; `waits`: something in it may wait, which an inline run cannot.

    `disabled` is the share of steps that are.
    """
    flow = RandomFlow()
    names = (f"s{number}" for number in count())
    # Whether, from this scope outwards, only one thing happens at a time.
    kinds = ["calc", "calc", "ask", "if", *(["wait"] if waits else []), "subflow"]

    def fill(parent: str | None, outer: list[str], deep: int, alone: bool) -> None:
        in_a_row = chance.random() < 0.5
        here: list[str] = []
        for _ in range(chance.randint(1, 3 if parent else 5)):
            name = next(names)
            kind = chance.choice(("map", "loop") if deep and chance.random() < 0.4 else kinds)
            if in_a_row and parent and chance.random() < 0.12:
                kind = "stop"
            before = _joined(chance, flow, here, name, in_a_row)
            known = ["start", *(n for n in (*outer, *before) if flow.steps[n].kind in READ)]
            reads = chance.sample(known, min(len(known), chance.randint(0, 2)))
            policies = ("continue", "branch", *(("stop",) * 5 if in_a_row else ()))
            step = Step(name, kind, parent, reads, chance.randint(0, 9), chance.choice(policies))
            if kind in ("if", "stop"):
                step.on_error = "stop"  # they cannot fail
            flow.steps[name] = step
            here.append(name)
            step.disabled = bool(disabled) and chance.random() < disabled
            step.breaks_at = chance.choice((0, 2, 3, 5))
            step.width = chance.choice((1, 3))
            step.items = chance.randint(0 if kind == "map" else 1, 3)
            step.has_while = chance.random() < 0.5
            step.status = chance.choice(("succeeded", "failed"))
            around = flow.steps[parent] if parent else None
            single = around is None or around.kind == "loop" or around.width == 1
            leaves = ["item", *(["container"] if single else [])]
            step.leaves = chance.choice([*leaves, *(["run"] if alone and in_a_row else [])])
            step.policy = chance.choice(
                ("skip", "collect", *(("fail",) if step.width == 1 else ()))
            )
            if kind in ("map", "loop"):
                one = alone and in_a_row and (kind == "loop" or step.width == 1)
                fill(name, [*outer, *before], deep - 1, one)

    fill(None, [], depth, True)
    return flow


def _joined(
    chance: random.Random, flow: RandomFlow, here: list[str], name: str, in_a_row: bool
) -> list[str]:
    """Add edges from earlier steps to a new one; all steps that come before it then."""
    sources = here[-1:] if in_a_row else [n for n in here if chance.random() < 0.5]
    for source in sources:
        step = flow.steps[source]
        ports = ["true", "false"] if step.kind == "if" else ["out"]
        if step.on_error == "branch" and chance.random() < 0.3:
            ports = ["error"]
        if step.kind != "stop":
            flow.edges.append((source, chance.choice(ports), name))
    found: set[str] = set()
    todo = [name]
    while todo:
        at = todo.pop()
        more = {source for source, _, target in flow.edges if target == at} - found
        found |= more
        todo += more
    return [n for n in here if n in found]


class Reckoned:
    """What a run of a random flow has to leave: `rows` by place, `outputs` and `status`."""

    def __init__(self, flow: RandomFlow, n: int) -> None:
        self.flow = flow
        self.numbers: dict[tuple[Path, str], int] = {((), "start"): n}
        self.rows: dict[tuple[Path, str], str] = {}
        self.ports: dict[tuple[Path, str], tuple[str, ...]] = {}
        self.over: str | None = None
        end = self._scope((), None, [])
        self.status = self.over or ("failed" if end == "failed" else "succeeded")
        self.outputs = {
            f"end_{step.name}": self.numbers.get(((), step.name), 0)
            for step in flow.inside(None)
            if step.kind in READ and "out" in self.ports.get(((), step.name), ())
        }

    def _scope(self, path: Path, parent: str | None, around: list[int]) -> str | None:
        """None, `failed`, `item`, `container` or `run`: how a scope ended before its time."""
        for step in self.flow.inside(parent):
            place = (path, step.name)
            into = [edge for edge in self.flow.edges if edge[2] == step.name]
            if into and not any(p in self.ports.get((path, s), ()) for s, p, _ in into):
                self.rows[place] = "skipped"
                continue
            if step.disabled:
                self.rows[place], self.ports[place] = "skipped", step.first_port
                continue
            end = self._step(step, path, around)
            if end is not None:
                return end
        return None

    def _step(self, step: Step, path: Path, around: list[int]) -> str | None:
        place = (path, step.name)
        total = step.plus + sum(around) + sum(self._number(path, name) for name in step.reads)
        if step.kind == "stop":
            self.rows[place] = "succeeded"
            return self._stopped(step)
        ok, ports, number = True, ("out",), total % MODULUS
        if step.kind in ("map", "loop"):
            work = self._map if step.kind == "map" else self._loop
            found = work(step, path, total)
            if found == "run":
                self.rows[place] = "cancelled"
                return "run"
            ok, number = isinstance(found, int), found if isinstance(found, int) else 0
        elif step.kind in ("calc", "ask"):
            ok = not step.breaks_at or total % step.breaks_at != 0
        elif step.kind == "if":
            ports = ("true",) if total % 2 == 0 else ("false",)
        elif step.kind == "subflow":
            ok, number = number % 5 != 0, number + 1
        self.rows[place] = "succeeded" if ok else "failed"
        if ok:
            self.ports[place] = ports
            self.numbers[place] = number
            return None
        self.ports[place] = {"continue": ("out",), "branch": ("error",), "stop": ()}[step.on_error]
        return "failed" if step.on_error == "stop" else None

    def _stopped(self, step: Step) -> str:
        if step.leaves == "run":
            self.over = step.status
            return "run"
        if step.status == "failed":
            return "failed" if step.leaves == "item" else "container failed"
        return step.leaves

    def _number(self, path: Path, name: str) -> int:
        """What a name reads as: nearest first, 0 where it gave nothing."""
        for length in range(len(path), -1, -2):
            if (path[:length], name) in self.numbers:
                return self.numbers[path[:length], name]
        return 0

    def _inner(self, step: Step, path: Path) -> int:
        """The sum of the numbers of all that is directly in an item or round."""
        found = [self.numbers.get((path, s.name), 0) for s in self.flow.inside(step.name)]
        return sum(
            n for n, s in zip(found, self.flow.inside(step.name), strict=True) if s.kind in READ
        )

    def _map(self, step: Step, path: Path, total: int) -> int | str:
        kept = 0
        for index in range(step.items):
            inner = (*path, step.name, index)
            end = self._scope(inner, step.name, [total + index, index])
            if end in ("run", "container failed"):
                return end
            if end == "container":
                return kept
            if end == "failed" and step.policy == "fail":
                return "failed"
            kept += end != "failed" or step.policy == "collect"
        return kept

    def _loop(self, step: Step, path: Path, total: int) -> int | str:
        state = total
        for index in range(step.items):
            if step.has_while and state % 7 == 0:
                break
            inner = (*path, step.name, index)
            end = self._scope(inner, step.name, [state, index])
            if end in ("run", "container failed", "failed"):
                return end
            if end == "container":
                break
            state = (state + 1 + self._inner(step, inner)) % MODULUS
        return state
