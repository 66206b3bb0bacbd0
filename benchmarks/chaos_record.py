"""What the record says after `benchmarks.chaos`, against what was planned and what was called."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from benchmarks.chaos_shapes import Planned
from benchmarks.stack import Stack

JSON = Any
#: Seconds after a kill in which what it disturbed may still be repeated.
AFTERMATH = 15.0

_DUMP = """
import json
from django.db import connection
from execution.models import Run, NodeRun, RunEvent
runs = Run.objects.select_related('flow').order_by('id').iterator(chunk_size=500)
print(json.dumps({
    'runs': [
        {'id': str(r.id), 'flow': r.flow.name, 'tag': r.inputs.get('tag'), 'status': r.status,
         'outputs': r.outputs, 'error': r.error, 'rerun_of': r.rerun_of_id and str(r.rerun_of_id),
         'last_seq': r.last_seq, 'at': r.created_at.timestamp()} for r in runs],
    'steps': [
        [str(n.run_id), n.node, n.path, n.status, n.reused,
         n.finished_at and n.finished_at.timestamp()]
        for n in NodeRun.objects.filter(type__in=('llm', 'http')).iterator(chunk_size=500)],
    'ends': [
        str(e.run_id) for e in RunEvent.objects.filter(type='run.finished').only('run_id')],
}))
"""


@dataclass(frozen=True)
class Step:
    """One recorded attempt of a node that calls."""

    key: str
    status: str
    reused: bool
    finished: float | None


@dataclass
class Record:
    """Runs by tag in the order of their start, and the attempts of all runs of a tag by key."""

    runs: dict[str, list[dict[str, JSON]]]
    steps: dict[str, list[Step]]
    ends: Counter[str]

    def first(self, tag: str) -> list[dict[str, JSON]]:
        """The runs of a tag that repeat no other."""
        return [run for run in self.runs.get(tag, []) if run["rerun_of"] is None]


def read_record(stack: Stack) -> Record:
    """All runs and the attempts of their calls."""
    dumped = json.loads(stack.manage("shell", "--no-imports", "-c", _DUMP))
    runs, by_id = defaultdict(list), {}
    for run in dumped["runs"]:
        runs[run["tag"]].append(run)
        by_id[run["id"]] = run
    steps = defaultdict(list)
    for run_id, node, path, status, reused, finished in dumped["steps"]:
        run = by_id[run_id]
        key = _key(run["tag"], run["flow"], node, path)
        steps[key].append(Step(key, status, reused, finished))
    return Record(dict(runs), dict(steps), Counter(dumped["ends"]))


def _key(tag: str, flow: str, node: str, path: list[str | int]) -> str:
    """What the step calls with, as `chaos_shapes` has it."""
    numbers = [str(part) for part in path if isinstance(part, int)]
    return ":".join([tag, flow, *numbers] if numbers else [tag, node])


def rerun(stack: Stack, ids: Sequence[str]) -> None:
    """Repeat inline runs that were cut off, from where they were."""
    for run in ids:
        stack.api("POST", f"/runs/{run}/rerun", {}, Prefer="wait=60")


@dataclass
class Findings:
    """Everything that went wrong, in words; and the repetitions that nothing can avoid."""

    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    in_flight: Counter[str] = field(default_factory=Counter)
    by_shape: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def judge(
    planned: Sequence[Planned],
    record: Record,
    calls: Mapping[str, list[float]],
    kills: Sequence[tuple[str, float]],
) -> Findings:
    """Compare plan, record and calls of every run."""
    found = Findings()
    for plan in planned:
        mark = found.by_shape[plan.shape]
        mark["runs"] += 1
        first = record.first(plan.tag)
        if len(first) != 1:
            found.faults["lost" if not first else "started twice"].append(plan.tag)
            continue
        last = record.runs[plan.tag][-1]
        mark["rerun"] += len(record.runs[plan.tag]) - 1
        _judge_end(plan, last, record, found)
        _judge_calls(plan, record, calls, kills, found)
    known = {key for plan in planned for key in plan.calls}
    found.faults["unplanned calls"] += [key for key in calls if key not in known]
    return found


def _judge_end(plan: Planned, last: dict[str, JSON], record: Record, found: Findings) -> None:
    if last["status"] in ("queued", "running", "waiting", "paused"):
        found.faults["stuck"].append(f"{plan.tag} {last['status']} ({last['id']})")
        return
    if last["status"] != "succeeded" or last["outputs"] != plan.outputs:
        told = last["error"] or last["outputs"]
        found.faults["wrong"].append(f"{plan.tag} {last['status']}: {told} ({last['id']})")
    for run in record.runs[plan.tag]:
        if record.ends[run["id"]] != 1:
            found.faults["ends recorded"].append(f"{run['id']}: {record.ends[run['id']]}")
    for child in plan.children:
        if len(record.runs.get(child, [])) != 1:
            found.faults["sub-flow runs"].append(f"{child}: {len(record.runs.get(child, []))}")


def _judge_calls(
    plan: Planned,
    record: Record,
    calls: Mapping[str, list[float]],
    kills: Sequence[tuple[str, float]],
    found: Findings,
) -> None:
    for key, wanted in plan.calls.items():
        made, steps = calls.get(key, []), record.steps.get(key, [])
        found.by_shape[plan.shape]["steps"] += 1
        if len(made) < wanted:
            found.faults["calls missing"].append(f"{key}: {len(made)} of {wanted}")
        own = [step for step in steps if not step.reused]
        if len(made) > len(own):
            found.faults["calls without an attempt"].append(f"{key}: {len(made)} in {len(own)}")
        done = [step.finished for step in own if step.status == "succeeded" and step.finished]
        if len(done) > 1:
            found.faults["recorded twice"].append(key)
        after = [at for at in made if done and at > min(done)]
        if after:
            found.faults["called again after it was recorded"].append(key)
        for before, again in list(pairwise(made))[wanted - 1 :]:
            found.by_shape[plan.shape]["repeated"] += 1
            found.in_flight[_killed_between(before, again, kills)] += 1


def _killed_between(before: float, again: float, kills: Sequence[tuple[str, float]]) -> str:
    """The kind of the first kill after a call that was repeated, else of one just before it.

    A call that began in the aftermath of a kill may be given to somebody else as well.
    """
    after = [kind for kind, when in kills if before < when < again]
    shortly_before = [kind for kind, when in kills if before - AFTERMATH < when <= before]
    return next(iter([*after, *reversed(shortly_before)]), "nothing")


def judge_keys(record: Record, sent: Mapping[str, set[str]], found: Findings) -> None:
    """Whether every call that was sent again carried the key it had before.

    `sent` are the `Idempotency-Key` headers by the call's name; none for calls of models. A run
    that repeats another sends keys of its own, and no two calls share one.
    """
    owners: dict[str, str] = {}
    for key, headers in sent.items():
        runs = len(record.runs.get(key.partition(":")[0], ()))
        if len(headers) > max(runs, 1):
            found.faults["another idempotency key"].append(f"{key}: {sorted(headers)}")
        for header in headers - {""}:
            if owners.setdefault(header, key) != key:
                found.faults["shared idempotency keys"].append(f"{key}, {owners[header]}")
