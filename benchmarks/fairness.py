"""Does one tenant's flood slow another down: `python -m benchmarks.fairness`.

Two workspaces on one copy. Tenant B starts one run after the other and measures; first alone, then
while tenant A keeps many runs in flight. Printed are both medians and their ratio, which has to
stay below 2.
"""

import argparse
import asyncio
import secrets
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.load import Measured, load
from benchmarks.runs import Shape, checker, prompt_and_model, ten_steps
from benchmarks.stack import Stack, model_server, running_stack

#: B's median under the flood over B's median alone.
BAR = 2.0
#: Seconds that the flood takes to be at its height.
RISE = 4.0


@dataclass(frozen=True)
class Tenant:
    """A workspace's key and the flow it runs."""

    key: str
    path: str
    shape: Shape
    answers: list[None] = field(default_factory=list)

    async def keep(self, url: str, users: int, seconds: float, warm: float = 1) -> Measured:
        """Keep so many runs in flight, each started when the one before has ended."""
        body, right = {"inputs": self.shape.inputs}, checker(self.shape)

        def check(answer: Any) -> bool:
            self.answers.append(None)
            return right(answer)

        return await load(
            url, self.key, self.path, body, check, users=users, warm=warm, seconds=seconds
        )


def tenant(stack: Stack, name: str) -> Callable[[Shape], Tenant]:
    """A new person with a workspace of their own; gives the tenant for a shape of flow."""
    email = f"{name}@example.com"
    login = {"DJANGO_SUPERUSER_EMAIL": email, "DJANGO_SUPERUSER_PASSWORD": secrets.token_hex(12)}
    stack.environment |= login
    stack.manage("createsuperuser", "--noinput")
    key = stack.manage("create_api_key", "--email", email, name)

    def with_flow(shape: Shape) -> Tenant:
        stack.key = key
        return Tenant(key, f"/api/v1/flows/{stack.publish(shape.document)}/runs", shape)

    return with_flow


async def flooded(
    url: str, quiet: Tenant, flooding: Tenant, users: int, seconds: float
) -> tuple[Measured, Measured, float]:
    """What B and A measure while A floods, and how many runs a second A has done meanwhile."""
    flood = asyncio.create_task(flooding.keep(url, users, seconds + 2, warm=RISE))
    await asyncio.sleep(RISE)
    before, began = len(flooding.answers), time.perf_counter()
    mine = await quiet.keep(url, 1, seconds)
    done = (len(flooding.answers) - before) / (time.perf_counter() - began)
    return mine, await flood, done


def measure(stack: Stack, flood: str, given: argparse.Namespace) -> list[float]:
    """Measure every shape of B's under one shape of flood; the ratios."""
    a, b = tenant(stack, f"a-{secrets.token_hex(3)}"), tenant(stack, f"b-{secrets.token_hex(3)}")
    flooding = a(FLOODS[flood]())
    ratios = []
    for shape in (prompt_and_model(0), ten_steps()):
        if given.only not in shape.name:
            continue
        quiet = b(shape)
        alone = asyncio.run(quiet.keep(stack.url, 1, given.seconds))
        under, noise, done = asyncio.run(
            flooded(stack.url, quiet, flooding, given.in_flight, given.seconds)
        )
        before, after = alone.percentile(0.5), under.percentile(0.5)
        ratios.append(after / before if before and after else float("inf"))
        print(
            f"B: {shape.name:22} A: {given.in_flight} x {flood:6} alone {before:6.1f}  "
            f"flooded {after:7.1f} ms  ratio {ratios[-1]:5.2f}  | "
            f"B p95 {alone.percentile(0.95):.0f} -> {under.percentile(0.95):.0f} ms, "
            f"errors {under.errors}; A {done:.1f}/s, errors {noise.errors}",
            flush=True,
        )
    return ratios


FLOODS: dict[str, Callable[[], Any]] = {
    "logic": ten_steps,
    "model": lambda: prompt_and_model(0),
    "slow": lambda: prompt_and_model(2_000),
}


def main() -> None:
    """Measure B alone and under each flood, several times; print the medians of the ratios."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--in-flight", type=int, default=200, help="runs that A keeps going")
    arguments.add_argument("--seconds", type=float, default=8, help="of each measurement")
    arguments.add_argument("--floods", default="model,logic", help=f"of {', '.join(FLOODS)}")
    arguments.add_argument("--only", default="", help="part of the name of B's shape")
    arguments.add_argument("--times", type=int, default=1, help="how often; the median counts")
    given = arguments.parse_args()
    floods = given.floods.split(",")
    ratios: dict[str, list[float]] = {flood: [] for flood in floods}
    with (
        model_server() as (model_url, _),
        running_stack(OPENAI_BASE_URL=f"{model_url}/v1", OPENAI_API_KEY="test") as stack,
    ):
        for _ in range(given.times):
            for flood in floods:
                ratios[flood] += measure(stack, flood, given)
    for flood, found in ratios.items():
        verdict = "below" if statistics.median(found) < BAR else "NOT below"
        print(f"flood of {flood}: median ratio {statistics.median(found):.2f}, {verdict} {BAR:g}")


if __name__ == "__main__":
    main()
