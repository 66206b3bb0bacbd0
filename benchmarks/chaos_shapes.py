"""The flows of `benchmarks.chaos`: what each does, which calls it makes, and what it has to give.

Every call carries a key that names its step: `{tag of the run}:{node}[:{iteration}]`. So the right
outputs and the right calls of a run are known before it starts.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.runs import document
from benchmarks.runs import field as input_field
from benchmarks.stack import Stack

JSON = Any
ITEMS = 12
ROUNDS = 4
#: Attempts that a failing service needs.
FAILURES = 2
MODEL = "openai_compatible/echo+slow-{}ms"


@dataclass
class Planned:
    """One run: inputs, the outputs it has to give, the keys it calls and how often each."""

    shape: str
    tag: str
    inputs: dict[str, JSON]
    outputs: dict[str, JSON]
    calls: Counter[str]
    #: For an approval: what is decided (None: nothing, the deadline does) and after how long.
    decision: str | None = None
    decide_after: float = 0
    #: Seconds after which it is paused, and for how long; None: it is not.
    pause: tuple[float, float] | None = None
    children: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Shape:
    """A kind of flow: `nodes` and `edges` of its document, and a run of it for a tag."""

    nodes: Callable[[str], list[dict[str, JSON]]]
    edges: list[str]
    plan: Callable[[str, random.Random], Planned]
    settings: dict[str, JSON] = field(default_factory=dict)


def _start(**fields: str) -> dict[str, JSON]:
    kinds = {"tag": "string", **fields}
    config = {"fields": [input_field(name, kind) for name, kind in kinds.items()]}
    return {"id": "start", "type": "input", "config": config}


def _end(value: JSON) -> dict[str, JSON]:
    return {"id": "end", "type": "output", "config": {"value": value}}


def _ask(name: str, key: str, milliseconds: int, **more: JSON) -> dict[str, JSON]:
    config = {"model": MODEL.format(milliseconds), "prompt": key}
    return {"id": name, "type": "llm", "config": config, **more}


def _send(url: str, name: str, key: str, body: str, query: str, **more: JSON) -> dict[str, JSON]:
    config = {
        "method": "POST",
        "url": f"{url}/hook?{query}",
        "query": {"key": key},
        "body": body,
    }
    return {"id": name, "type": "http", "config": config, **more}


# Three model calls in a row.


def _linear_nodes(url: str) -> list[dict[str, JSON]]:
    steps = ("one", "two", "three")
    asks = [_ask(step, f"{{{{ start.tag }}}}:{step}", 250) for step in steps]
    return [_start(), *asks, _end("{{ three.text }}")]


def _linear(tag: str, _: random.Random) -> Planned:
    calls = Counter(f"{tag}:{step}" for step in ("one", "two", "three"))
    return Planned("linear", tag, {"tag": tag}, {"end": f"{tag}:three"}, calls)


# A map with a call each, and a map in a map.


def _map_nodes(url: str, kind: str = "map") -> list[dict[str, JSON]]:
    config = {"items": "{{ start.rows }}", "concurrency": 5, "result": "{{ send.json.got }}"}
    key = f"{{{{ start.tag }}}}:{kind}:{{{{ index }}}}"
    return [
        _start(rows="list"),
        {"id": "rows", "type": "map", "config": config},
        _send(url, "send", key, "{{ item }}", "ms=150", parent="rows"),
        _end("{{ rows.items }}"),
    ]


def _map(tag: str, dice: random.Random, kind: str = "map") -> Planned:
    rows = [dice.randrange(1000) for _ in range(ITEMS)]
    calls = Counter(f"{tag}:{kind}:{index}" for index in range(ITEMS))
    return Planned(kind, tag, {"tag": tag, "rows": rows}, {"end": rows}, calls)


def _nested_nodes(url: str) -> list[dict[str, JSON]]:
    outer = {"items": "{{ start.rows }}", "concurrency": 2, "result": "{{ inner.items }}"}
    inner = {"items": "{{ item }}", "concurrency": 3, "result": "{{ send.json.got }}"}
    key = "{{ start.tag }}:nested:{{ outer.index }}:{{ index }}"
    return [
        _start(rows="list"),
        {"id": "outer", "type": "map", "config": outer},
        {"id": "inner", "type": "map", "config": inner, "parent": "outer"},
        _send(url, "send", key, "{{ item }}", "ms=200", parent="inner"),
        _end("{{ outer.items }}"),
    ]


def _nested(tag: str, dice: random.Random) -> Planned:
    rows = [[dice.randrange(1000) for _ in range(4)] for _ in range(3)]
    calls = Counter(f"{tag}:nested:{outer}:{inner}" for outer in range(3) for inner in range(4))
    return Planned("nested", tag, {"tag": tag, "rows": rows}, {"end": rows}, calls)


# A loop around a model.


def _loop_nodes(url: str) -> list[dict[str, JSON]]:
    config = {
        "state": {"said": ""},
        "while": f"{{{{ index < {ROUNDS} }}}}",
        "update": {"said": "{{ state.said ~ say.text ~ ' ' }}"},
        "max_iterations": 10,
    }
    return [
        _start(),
        {"id": "rounds", "type": "loop", "config": config},
        _ask("say", "{{ start.tag }}:loop:{{ index }}", 200, parent="rounds"),
        _end("{{ rounds.state.said }}"),
    ]


def _loop(tag: str, _: random.Random) -> Planned:
    keys = [f"{tag}:loop:{index}" for index in range(ROUNDS)]
    said = "".join(f"{key} " for key in keys)
    return Planned("loop", tag, {"tag": tag}, {"end": said}, Counter(keys))


# Waits and people.


def _wait_nodes(url: str) -> list[dict[str, JSON]]:
    wait = {"id": "wait", "type": "wait", "config": {"seconds": "{{ start.seconds }}"}}
    return [
        _start(seconds="number"),
        wait,
        _ask("say", "{{ start.tag }}:say", 100),
        _end("{{ say.text }}"),
    ]


def _wait(tag: str, dice: random.Random) -> Planned:
    inputs = {"tag": tag, "seconds": round(dice.uniform(2, 20), 1)}
    return Planned("wait", tag, inputs, {"end": f"{tag}:say"}, Counter([f"{tag}:say"]))


def _approval_nodes(url: str) -> list[dict[str, JSON]]:
    config = {
        "message": "{{ start.tag }}",
        "timeout_seconds": "{{ start.seconds }}",
        "on_timeout": "reject",
    }
    return [
        _start(seconds="number"),
        {"id": "check", "type": "approval", "config": config},
        _ask("yes", "{{ start.tag }}:yes", 100),
        _ask("no", "{{ start.tag }}:no", 100),
        _end({"decision": "{{ check.decision }}", "comment": "{{ check.comment }}"}),
    ]


def _approval(tag: str, dice: random.Random) -> Planned:
    decision = dice.choice(["approve", "approve", "reject", None])
    seconds = round(dice.uniform(5, 20), 1) if decision is None else 3_000
    branch = "yes" if decision == "approve" else "no"
    said = {"approve": "approved", "reject": "rejected", None: "rejected"}[decision]
    end = {"decision": said, "comment": f"about {tag}" if decision else ""}
    calls = Counter([f"{tag}:{branch}"])
    inputs = {"tag": tag, "seconds": seconds}
    planned = Planned("approval", tag, inputs, {"end": end}, calls, decision)
    planned.decide_after = dice.uniform(0.2, 20)
    return planned


# Another flow for each item.


def _child_nodes(url: str) -> list[dict[str, JSON]]:
    return [_start(), _ask("say", "{{ start.tag }}:say", 200), _end("{{ say.text }}")]


def _subflow_nodes(url: str) -> list[dict[str, JSON]]:
    config = {"items": "{{ start.rows }}", "concurrency": 2, "result": "{{ call.end }}"}
    inputs = {"tag": "{{ start.tag }}:child:{{ index }}"}
    return [
        _start(rows="list"),
        {"id": "rows", "type": "map", "config": config},
        {
            "id": "call",
            "type": "subflow",
            "config": {"flow": CHILD, "inputs": inputs},
            "parent": "rows",
        },
        _end("{{ rows.items }}"),
    ]


#: Stands for the id of the flow that sub-flows run.
CHILD = "$child"


def _subflow(tag: str, _: random.Random) -> Planned:
    children = [f"{tag}:child:{index}" for index in range(4)]
    said = [f"{child}:say" for child in children]
    inputs = {"tag": tag, "rows": [0, 1, 2, 3]}
    planned = Planned("subflow", tag, inputs, {"end": said}, Counter(said))
    planned.children = children
    return planned


# A service that fails at first.


def _retry_nodes(url: str) -> list[dict[str, JSON]]:
    retry = {"max_attempts": 5, "initial_seconds": 0.3, "backoff": 2, "max_seconds": 2}
    query = f"ms=50&fail={FAILURES}"
    send = _send(url, "send", "{{ start.tag }}:send", "{{ start.tag }}", query, retry=retry)
    return [_start(), send, _ask("say", "{{ start.tag }}:say", 100), _end("{{ send.json.got }}")]


def _retry(tag: str, _: random.Random) -> Planned:
    calls = Counter({f"{tag}:send": FAILURES + 1, f"{tag}:say": 1})
    return Planned("retry", tag, {"tag": tag}, {"end": tag}, calls)


# In the web process.


def _inline_nodes(url: str) -> list[dict[str, JSON]]:
    nodes = _map_nodes(url, "inline")
    return [*nodes[:-1], _ask("say", "{{ start.tag }}:say", 200), nodes[-1]]


def _inline(tag: str, dice: random.Random) -> Planned:
    planned = _map(tag, dice, "inline")
    planned.calls[f"{tag}:say"] = 1
    return planned


_ROWS = ["start>rows", "rows>end"]
SHAPES: dict[str, Shape] = {
    "linear": Shape(_linear_nodes, ["start>one", "one>two", "two>three", "three>end"], _linear),
    "map": Shape(_map_nodes, _ROWS, _map),
    "nested": Shape(_nested_nodes, ["start>outer", "outer>end"], _nested),
    "loop": Shape(_loop_nodes, ["start>rounds", "rounds>end"], _loop),
    "wait": Shape(_wait_nodes, ["start>wait", "wait>say", "say>end"], _wait),
    "approval": Shape(
        _approval_nodes,
        ["start>check", "check.approved>yes", "check.rejected>no", "yes>end", "no>end"],
        _approval,
    ),
    "subflow": Shape(_subflow_nodes, _ROWS, _subflow),
    "retry": Shape(_retry_nodes, ["start>send", "send>say", "say>end"], _retry),
    "inline": Shape(
        _inline_nodes, ["start>rows", "rows>say", "say>end"], _inline, {"execution": "inline"}
    ),
}


def publish_all(stack: Stack, url: str) -> dict[str, str]:
    """Publish every shape's flow; their ids by name, `child` among them."""
    ids = {"child": stack.publish(document("child", _child_nodes(url), ["start>say", "say>end"]))}
    for name, shape in SHAPES.items():
        nodes = shape.nodes(url)
        for node in nodes:
            if node["config"].get("flow") == CHILD:
                node["config"]["flow"] = ids["child"]
        plain = document(name, nodes, shape.edges)
        ids[name] = stack.publish({**plain, "settings": shape.settings})
    return ids
