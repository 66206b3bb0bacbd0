"""Random flows with containers in containers, for tests that compare with an oracle."""

import random
from itertools import count
from typing import Any

from flows.engine.document import Document, EdgeSpec, NodeSpec

JSON = Any
PORTS = ("out", "yes", "no", "error")
POLICIES = ("stop", "continue", "branch")


def random_flow(
    chance: random.Random, *, depth: int = 3, stops: float = 1.0, disabled: float = 0.0
) -> Document:
    """A flow without circles; what is in it is shuffled, so its order says nothing.

    `depth` is how many containers may be in one another; `stops` weighs `on_error: stop`;
    `disabled` is the share of nodes that are.
    """
    names = (f"n{number}" for number in count())
    nodes: list[NodeSpec] = []
    edges: list[EdgeSpec] = []

    def fill(parent: str | None, deep: int) -> None:
        here = [next(names) for _ in range(chance.randint(0 if parent else 1, 4 if parent else 6))]
        for name in here:
            inner = deep > 0 and chance.random() < 0.4
            kinds = ("map", "loop") if inner else ("template", "template", "output", "note")
            kind = chance.choice(kinds)
            config: JSON = {"while": True} if kind == "loop" and chance.random() < 0.5 else {}
            policy = chance.choices(POLICIES, (stops, 4, 4))[0]
            spec = {"id": name, "type": kind, "on_error": policy, "config": config}
            spec["disabled"] = bool(disabled) and chance.random() < disabled
            nodes.append(NodeSpec.model_validate({**spec, "parent": parent}))
            if inner:
                fill(name, deep - 1)
        density = chance.choice((0.1, 0.25, 0.5))
        edges.extend(
            EdgeSpec(source=a, port=port, target=b)
            for i, a in enumerate(here)
            for b in here[i + 1 :]
            for port in PORTS
            if chance.random() < density * (0.8 if port == "out" else 0.3)
        )

    fill(None, depth)
    chance.shuffle(nodes)
    chance.shuffle(edges)
    return Document(name="Random", nodes=nodes, edges=edges)
