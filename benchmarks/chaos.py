"""Many runs of every kind while processes are killed: `python -m benchmarks.chaos`.

Runs are started over the API, each with an Idempotency-Key and tried until it is accepted, while a
random process (worker, web, Temporal, PostgreSQL) is killed with kill -9 every few seconds and
started again by `manage.py up`. Approvals are decided over the API, and every fourth run is paused
for a while. Inline runs that were cut off are repeated. After a quiet time record, outputs and
calls are compared with what had to be. Exits 1 when a run was lost, stuck, wrong, or a recorded
step was called again, or a decision was lost.
"""

import argparse
import asyncio
import contextlib
import http.client
import random
import statistics
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from benchmarks.chaos_record import Findings, Record, judge, judge_keys, read_record, rerun
from benchmarks.chaos_shapes import SHAPES, Planned, publish_all
from benchmarks.receiver import Receiver, receiver
from benchmarks.recovery import ENDED, kill
from benchmarks.stack import Stack, running_stack, wait_ready

JSON = Any
#: How often each kind of process is killed, in shares.
VICTIMS = {"worker": 4, "web": 2, "temporal": 2, "postgres": 2}
#: Seconds between two kills, on average, and at least.
BETWEEN_KILLS = (8.0, 0.5)
#: The share of runs that are paused for a while.
PAUSED = 0.25
#: Seconds that the stack is given to be ready again, for the figures.
READY_WITHIN = 60
#: Seconds after the last kill in which every run has to end.
QUIET = 180.0


@dataclass
class Chaos:
    """What is done, and what was seen meanwhile."""

    stack: Stack
    flows: dict[str, str]
    accepted: dict[str, str] = field(default_factory=dict)
    tries: Counter[str] = field(default_factory=Counter)
    pauses: int = 0
    decisions_lost: list[str] = field(default_factory=list)
    kills: list[tuple[str, float]] = field(default_factory=list)
    ready_again: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def ask(
        self,
        method: str,
        path: str,
        body: JSON = None,
        *,
        patient: tuple[str, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> JSON:
        """One call, tried until the stack answers; refusals with a status in `patient` as well.

        Raises RuntimeError for other refusals.
        """
        while True:
            self.tries["all"] += 1
            try:
                return await asyncio.to_thread(self.stack.api, method, path, body, **headers or {})
            except RuntimeError as error:
                status = str(error).partition(": ")[2][:3]
                if not status.startswith("5") and status not in patient:
                    raise
            except (OSError, ValueError, http.client.HTTPException):
                # Not there, or cut off in the middle of its answer.
                pass
            self.tries["again"] += 1
            await asyncio.sleep(random.uniform(0.1, 0.4))

    async def carry(self, plan: Planned, due: float) -> None:
        """Start one run when it is due, and decide its approval where it has one."""
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        path = f"/flows/{self.flows[plan.shape]}/runs"
        key = {"Idempotency-Key": plan.tag}
        run = await self.ask("POST", path, {"inputs": plan.inputs}, headers=key)
        self.accepted[plan.tag] = run["id"]
        pausing = self._pause(*plan.pause, run["id"]) if plan.pause else asyncio.sleep(0)
        await asyncio.gather(self._decide_later(plan, run["id"]), pausing)

    async def _pause(self, after: float, seconds: float, run: str) -> None:
        """Pause a run and let it go on; one that has ended by then refuses it."""
        await asyncio.sleep(after)
        with contextlib.suppress(RuntimeError):
            await self.ask("POST", f"/runs/{run}/pause")
            self.pauses += 1
            await asyncio.sleep(seconds)
            await self.ask("POST", f"/runs/{run}/resume")

    async def _decide_later(self, plan: Planned, run: str) -> None:
        if plan.shape == "approval" and plan.decision:
            await asyncio.sleep(plan.decide_after)
            try:
                await self._decide(plan, run)
            except RuntimeError as error:
                self.decisions_lost.append(f"{plan.tag}: {error}")

    async def _decide(self, plan: Planned, run: str) -> None:
        body = {"decision": plan.decision, "comment": f"about {plan.tag}"}
        # Not there yet: the run has not come so far.
        await self.ask("POST", f"/runs/{run}/approvals/check", body, patient=("404",))

    async def kill_now_and_then(self, dice: random.Random, seconds: float) -> None:
        """Kill a random kind of process again and again, for so long."""
        end = time.monotonic() + seconds
        mean, least = BETWEEN_KILLS
        watching: list[asyncio.Task[None]] = []
        while True:
            await asyncio.sleep(least + dice.expovariate(1 / (mean - least)))
            if time.monotonic() > end:
                await asyncio.gather(*watching)
                return
            kind = dice.choices(list(VICTIMS), list(VICTIMS.values()))[0]
            await asyncio.to_thread(kill, self.stack, kind)
            self.kills.append((kind, time.time()))
            watching.append(asyncio.create_task(self._until_ready(kind)))

    async def _until_ready(self, kind: str) -> None:
        """Note how long the stack says that it is not ready."""
        began = time.monotonic()
        # What was killed may be asked once more before anybody knows.
        await asyncio.sleep(0.1)
        with contextlib.suppress(RuntimeError):
            await asyncio.to_thread(wait_ready, self.stack, READY_WITHIN)
        self.ready_again[kind].append(time.monotonic() - began)

    async def until_all_have_ended(self, seconds: float) -> None:
        """Wait until no run is open any more, for so long at most."""
        end = time.monotonic() + seconds
        open_runs = set(self.accepted.values())
        while open_runs and time.monotonic() < end:
            for run in list(open_runs):
                shown = await self.ask("GET", f"/runs/{run}")
                if shown["status"] in ENDED:
                    open_runs.discard(run)
            await asyncio.sleep(0.5)


def plan_all(count: int, dice: random.Random) -> list[Planned]:
    """So many runs, every kind as often as the others, in random order."""
    names = [list(SHAPES)[number % len(SHAPES)] for number in range(count)]
    dice.shuffle(names)
    planned = [SHAPES[name].plan(f"c{number}", dice) for number, name in enumerate(names)]
    for plan in planned:
        if plan.shape != "inline" and dice.random() < PAUSED:
            plan.pause = (dice.uniform(0, 4), dice.uniform(0.5, 8))
    return planned


async def storm(chaos: Chaos, planned: list[Planned], dice: random.Random, seconds: float) -> None:
    """Start all runs over the time, the last ones a moment before its end, and kill meanwhile."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(64))
    began = time.monotonic()
    dues = sorted(began + dice.uniform(0, max(1.0, seconds - 5)) for _ in planned)
    carried = [
        asyncio.create_task(chaos.carry(plan, due)) for plan, due in zip(planned, dues, strict=True)
    ]
    await chaos.kill_now_and_then(dice, seconds)
    print(f"storm over: {len(chaos.kills)} kills, {len(chaos.accepted)} accepted", flush=True)
    # Whoever decides late is waited for; then nothing more comes from outside.
    await asyncio.wait_for(asyncio.gather(*carried), 120)
    await chaos.until_all_have_ended(QUIET)


def repeat_what_was_cut_off(chaos: Chaos, record: Record) -> Record:
    """Rerun interrupted inline runs, and read the record again."""
    cut = [
        run["id"]
        for runs in record.runs.values()
        for run in runs
        if run["flow"] == "inline" and (run["error"] or {}).get("code") == "interrupted"
    ]
    rerun(chaos.stack, cut)
    return read_record(chaos.stack) if cut else record


def report(chaos: Chaos, found: Findings, calls: int, seconds: float) -> bool:
    """Print what happened; whether everything was as it has to be."""
    print(f"\n{len(chaos.accepted)} runs and {len(chaos.kills)} kills in {seconds:.0f} s; ")
    print(f"{chaos.tries['all']} API calls, {chaos.tries['again']} of them tried again")
    print(f"{chaos.pauses} runs were paused for a while")
    print(f"{'killed':10} {'times':>5}  ready again, s: median worst   calls repeated after it")
    times = Counter(kind for kind, _ in chaos.kills)
    for kind in [*VICTIMS, "nothing"]:
        back = chaos.ready_again.get(kind) or [0.0]
        print(
            f"{kind:10} {times[kind]:5}  {statistics.median(back):21.1f} {max(back):5.1f}"
            f"   {found.in_flight[kind]:22}"
        )
    print(f"{'shape':10} {'runs':>5} {'steps':>6} {'repeated':>9} {'rerun':>6}")
    for shape, mark in sorted(found.by_shape.items()):
        print(
            f"{shape:10} {mark['runs']:5} {mark['steps']:6} {mark['repeated']:9} {mark['rerun']:6}"
        )
    steps = sum(mark["steps"] for mark in found.by_shape.values())
    print(f"{steps} steps, {calls} calls, {found.in_flight.total()} repeated in flight at a kill")
    found.faults["decisions lost"] += chaos.decisions_lost
    musts = ("lost", "stuck", "wrong", "called again after it was recorded", "decisions lost")
    for name in [*musts, *(name for name in sorted(found.faults) if name not in musts)]:
        told = found.faults.get(name, [])
        print(f"{name}: {len(told)}" + "".join(f"\n  {one}"[:600] for one in told[:10]))
    return not any(found.faults.values())


def run_chaos(stack: Stack, world: Receiver, given: argparse.Namespace) -> bool:
    """The storm, the quiet time, and the judgement."""
    dice = random.Random(given.seed)
    chaos = Chaos(stack, publish_all(stack, world.url))
    planned = plan_all(given.runs, dice)
    asyncio.run(storm(chaos, planned, dice, given.seconds))
    record = repeat_what_was_cut_off(chaos, read_record(stack))
    calls: dict[str, list[float]] = defaultdict(list)
    sent: dict[str, set[str]] = defaultdict(set)
    for key, at, header in world.journal():
        calls[key].append(at)
        sent[key].add(header)
    found = judge(planned, record, calls, chaos.kills)
    judge_keys(record, sent, found)
    return report(chaos, found, sum(map(len, calls.values())), given.seconds)


def main() -> None:
    """Run it with the seed that was asked for."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=500)
    arguments.add_argument("--seconds", type=float, default=600, help="of the kills")
    arguments.add_argument("--seed", type=int, default=None, help="of runs and kills")
    given = arguments.parse_args()
    given.seed = given.seed if given.seed is not None else random.randrange(10_000)
    print(f"seed {given.seed}", flush=True)
    with (
        receiver() as world,
        running_stack(
            OPENAI_BASE_URL=f"{world.url}/v1",
            OPENAI_API_KEY="test",
            FLUX_ALLOW_HOSTS="127.0.0.1",
        ) as stack,
    ):
        good = run_chaos(stack, world, given)
    print("as it has to be" if good else "NOT as it has to be")
    sys.exit(not good)


if __name__ == "__main__":
    main()
