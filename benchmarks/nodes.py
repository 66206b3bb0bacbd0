"""What each type of node costs: `python -m benchmarks.nodes`.

For every type the example in docs/nodes.md is run, one run after the other, inline where the type
allows it and durable, by turns with the same flow in which a node that does nothing stands in its
place. Printed is what the median run takes longer, in milliseconds over the API with
`Prefer: wait`. What the examples speak to is scripted and answers at once, so this is FluxPrompt's
own time. An approval is approved as soon as it waits; what a wait was told to wait is taken off.
Exits 1 where a run does not end as it has to.
"""

import argparse
import logging
import statistics
import sys
import time
from collections.abc import Mapping
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from benchmarks.stack import EMAIL, Stack, model_server, running_stack
from flows.engine.registry import registry
from fluxprompt.testing.throw_away import throw_away_folder, throw_away_postgres
from tests.support.example_world import ExampleWorld
from tests.support.node_examples import (
    WAITED_SECONDS,
    empty_flow,
    examples,
    flow_around,
    may_be_inline,
    right_end,
)

JSON = Any
#: Runs before those that count: what is imported at first use is not measured.
WARM = 3


class Measured:
    """The runs of one flow: their times in milliseconds."""

    def __init__(self, world: ExampleWorld, document: dict[str, JSON], inputs: JSON, end: str):
        self.world, self.inputs, self.end = world, inputs, end
        self.flow = world.publish(document)
        self.approves = next((n["id"] for n in document["nodes"] if n["type"] == "approval"), "")
        self.took: list[float] = []

    def run_once(self) -> None:
        """Raises AssertionError where the run does not end as it has to."""
        began = time.perf_counter()
        run = self.world.run(self.flow, self.inputs, approves=self.approves)
        self.took.append((time.perf_counter() - began) * 1000)
        assert run["status"] == self.end, run["error"]

    @property
    def median(self) -> float:
        return statistics.median(self.took[WARM:])


def cost(
    world: ExampleWorld, node: dict[str, JSON], execution: str, times: int
) -> tuple[float, float]:
    """(what a run with this node takes longer than one with an empty node, the latter), in ms."""
    inputs = world.inputs(node)
    with_node = Measured(world, flow_around(node, execution), inputs, right_end(node))
    without = {} if node["type"] == "input" else inputs
    empty = Measured(world, empty_flow(node, execution), without, "succeeded")
    # By turns, so that what else the machine does hits both alike.
    for _ in range(WARM + times):
        empty.run_once()
        with_node.run_once()
    waited = WAITED_SECONDS * 1000 if node["type"] == "wait" else 0
    return with_node.median - empty.median - waited, empty.median


def table(world: ExampleWorld, only: list[str], times: int) -> int:
    """Print a line for each type; how many could not be measured."""
    found = [world.node_to_run(one.node) for one in examples() if "disabled" not in one.node]
    nodes = {node["type"]: node for node in found if not only or node["type"] in only}
    world.prepare(nodes.values())
    print("| type | inline, ms | durable, ms |\n|---|---|---|")
    failed, empty = 0, dict[str, list[float]]()
    for node_type in registry().all():
        node = nodes.get(node_type.type)
        if node is None:
            continue
        cells = []
        for execution in ("inline", "durable"):
            if execution == "inline" and not may_be_inline(node):
                cells.append("–")
                continue
            try:
                more, alone = cost(world, node, execution, times)
            except AssertionError as error:
                print(f"{node_type.type}, {execution}: {error}", file=sys.stderr)
                cells.append("failed")
                failed += 1
            else:
                cells.append(f"{more:.1f}")
                empty.setdefault(execution, []).append(alone)
        print(f"| `{node_type.type}` | {' | '.join(cells)} |", flush=True)
    for execution, medians in empty.items():
        print(f"with the empty node, {execution}: {statistics.median(medians):.1f} ms")
    return failed


def new_credential(stack: Stack, name: str, type: str, values: Mapping[str, str]) -> None:
    """A credential of the copy's workspace: the API makes none."""
    stack.manage(
        "shell",
        "--no-imports",
        "-c",
        "from accounts.models import ApiKey\n"
        "from accounts.permissions import system_actor\n"
        "from accounts.services import create_credential\n"
        "actor = system_actor(ApiKey.objects.get(name='bench').workspace_id)\n"
        f"create_credential(actor, name={name!r}, type={type!r}, values={dict(values)!r})",
    )


def main() -> None:
    """Bring everything up and measure."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--times", type=int, default=30, help="runs that count, of each flow")
    arguments.add_argument("--only", default="", help="types, comma-separated")
    given = arguments.parse_args()
    # The server of tools has everything logged, every request of this program too.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    only = [name for name in given.only.split(",") if name]
    with (
        model_server() as (model, _),
        throw_away_folder() as folder,
        throw_away_postgres(folder) as database,
        running_stack(
            FLUX_ALLOW_HOSTS="127.0.0.1",
            ANTHROPIC_API_KEY="scripted",
            ANTHROPIC_BASE_URL=model,
            OPENAI_API_KEY="scripted",
            OPENAI_BASE_URL=f"{model}/v1",
        ) as stack,
        ExampleWorld(
            stack.url,
            stack.key,
            EMAIL,
            lambda name, type, values: new_credential(stack, name, type, values),
            {name: str(value) for name, value in conninfo_to_dict(database).items()},
        ) as world,
    ):
        failed = table(world, only, given.times)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
