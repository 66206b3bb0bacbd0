"""What a workflow told Temporal to do, out of its history, as lines for people.

The order and the names of these commands are what a replay compares: change them, and runs that
are under way cannot go on with the new code.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes, HistoryEvent
from temporalio.client import WorkflowHistory

RECORD = "record the end"
type Fingerprints = Mapping[str, Sequence[str]]
_PLAIN = {
    "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED": "cancel child",
    "WORKFLOW_EXECUTION_CANCEL_REQUESTED": "    was asked to cancel",
    "WORKFLOW_EXECUTION_COMPLETED": "complete",
    "WORKFLOW_EXECUTION_FAILED": "fail",
    "WORKFLOW_EXECUTION_CANCELED": "end as cancelled",
}
_WHAT_TO_DO = """
What it means: a worker of this version that takes up such a run cannot replay what the run has
done so far; the run stands still (its workflow task fails with TMPRL1100) until a worker of the old
version takes it back.
What to do: where the difference is not wanted, take it back. Where it is,
  1. ask `workflow.patched("a-name-for-it")` where the code decides: True goes the new way, and
     without it everything is as it was;
  2. `python -m tests.support.record_histories` records the histories anew and writes this file;
     keep the folders of earlier releases, they are what the old way is tested with.
docs/operations.md, "How to change workflow code", has more.
"""


def commands_of(history: WorkflowHistory) -> list[str]:
    """The commands of a workflow and the signals it got, in their order.

    A record of the end that did not succeed at once in the workflow's task is left out: whether
    the database takes a moment longer is not the workflow's doing.
    """
    scheduled: dict[int, str] = {}
    lines: list[str] = []
    for event in history.events:
        line = _line(event, scheduled)
        if line and not (line == RECORD and lines[-1:] == [RECORD]):
            lines.append(line)
    return lines


def _line(event: HistoryEvent, scheduled: dict[int, str]) -> str | None:
    """`scheduled` are the ids of the activities so far, by event."""
    kind = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
    facts = getattr(event, f"{kind.lower()}_event_attributes")
    match kind:
        case "ACTIVITY_TASK_SCHEDULED":
            scheduled[event.event_id] = facts.activity_id
            return _activity(facts)
        case "ACTIVITY_TASK_CANCEL_REQUESTED":
            return f"cancel activity {scheduled[facts.scheduled_event_id]}"
        case "TIMER_STARTED":
            return f"timer {facts.timer_id}"
        case "TIMER_CANCELED":
            return f"cancel timer {facts.timer_id}"
        case "START_CHILD_WORKFLOW_EXECUTION_INITIATED":
            part = facts.workflow_id.partition(":")[2]
            return f"child {facts.workflow_type.name} {part}".rstrip()
        case "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED":
            return f"signal child {facts.signal_name}"
        case "WORKFLOW_EXECUTION_SIGNALED":
            return f"    got signal {facts.signal_name}"
        case "MARKER_RECORDED":
            return _marker(event)
    return _PLAIN.get(kind)


def _activity(facts: ActivityTaskScheduledEventAttributes) -> str:
    if facts.activity_type.name == "finish_run":
        return RECORD
    queue = facts.task_queue.name.partition("-")[2]
    where = f" on -{queue}" if queue else ""
    return f"activity {facts.activity_type.name} {facts.activity_id}{where}"


def _marker(event: HistoryEvent) -> str:
    marker = event.marker_recorded_event_attributes
    if marker.marker_name == "core_local_activity":
        name = json.loads(marker.details["data"].payloads[0].data)["activity_type"]
        return RECORD if name == "finish_run" else f"local activity {name}"
    if marker.marker_name == "core_patch":
        facts = [json.loads(detail.payloads[0].data) for detail in marker.details.values()]
        return f"patched {facts[0]['id']}"
    return f"marker {marker.marker_name}"


def write(found: Fingerprints, path: Path) -> None:
    """Write fingerprints: a heading for each shape, a line for each command."""
    parts = ["\n".join([f"[{name}]", *found[name]]) for name in sorted(found)]
    path.write_text("\n\n".join(parts) + "\n")


def read(path: Path) -> dict[str, list[str]]:
    """The fingerprints in a file."""
    found: dict[str, list[str]] = {}
    for part in path.read_text().strip().split("\n\n"):
        name, *lines = part.split("\n")
        found[name.strip("[]")] = lines
    return found


def what_changed(before: Fingerprints, now: Fingerprints) -> str:
    """In words, what is different; empty where nothing is."""
    told: list[str] = []
    for name in sorted({*before, *now}):
        if name not in now:
            told.append(f"'{name}' is made no more.")
        elif name not in before:
            told.append(f"'{name}' is new and not in the file.")
        elif list(before[name]) != list(now[name]):
            told.append(f"'{name}': {_difference(before[name], now[name])}")
    if not told:
        return ""
    heading = "The workflow gives Temporal other commands than it did (- before, + now).\n"
    return heading + "\n".join(told) + "\n" + _WHAT_TO_DO


def _difference(before: Sequence[str], now: Sequence[str]) -> str:
    if sorted(before) == sorted(now):
        said = "the same commands come in another order"
    elif len(now) > len(before):
        said = "there are more commands than before"
    elif len(now) < len(before):
        said = "there are fewer commands than before"
    else:
        said = "there are other commands than before"
    lines = difflib.unified_diff(before, now, lineterm="", n=1)
    return (
        said + "\n" + "\n".join(f"    {line}" for line in lines if line[:3] not in ("---", "+++"))
    )
