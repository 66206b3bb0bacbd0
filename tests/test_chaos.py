"""The judge of `benchmarks.chaos` finds what it is there to find."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.chaos_record import Record, Step, judge
from benchmarks.chaos_shapes import Planned

JSON = Any
PLAN = Planned("linear", "c1", {"tag": "c1"}, {"end": "c1:one"}, Counter(["c1:one"]))
RUN = {
    "id": "r1",
    "flow": "linear",
    "tag": "c1",
    "status": "succeeded",
    "outputs": {"end": "c1:one"},
    "error": None,
    "rerun_of": None,
}
STEP = Step("c1:one", "succeeded", False, 20.0)
CUT_OFF = replace(STEP, status="failed", finished=15.0)


def faults(
    runs: list[dict[str, JSON]], steps: list[Step], calls: list[float], ends: int = 1
) -> set[str]:
    """The kinds of faults that are found."""
    record = Record({"c1": runs} if runs else {}, {"c1:one": steps}, Counter({"r1": ends}))
    found = judge([PLAN], record, {"c1:one": calls}, [("worker", 12.0)])
    return {kind for kind, told in found.faults.items() if told}


def test_a_run_as_it_was_planned_has_no_fault() -> None:
    assert faults([RUN], [STEP], [10.0]) == set()


@pytest.mark.parametrize(
    ("runs", "steps", "calls", "ends", "kind"),
    [
        ([], [], [], 0, "lost"),
        ([RUN, {**RUN, "id": "r2"}], [STEP], [10.0], 1, "started twice"),
        ([{**RUN, "status": "running"}], [STEP], [10.0], 0, "stuck"),
        ([{**RUN, "outputs": {"end": "?"}}], [STEP], [10.0], 1, "wrong"),
        ([{**RUN, "status": "failed"}], [STEP], [10.0], 1, "wrong"),
        ([RUN], [STEP], [10.0], 2, "ends recorded"),
        ([RUN], [STEP], [], 1, "calls missing"),
        ([RUN], [STEP], [10.0, 11.0], 1, "calls without an attempt"),
        ([RUN], [STEP, CUT_OFF], [10.0, 21.0], 1, "called again after it was recorded"),
        ([RUN], [STEP, STEP], [10.0, 11.0], 1, "recorded twice"),
    ],
)
def test_a_fault_is_named(
    runs: list[dict[str, JSON]], steps: list[Step], calls: list[float], ends: int, kind: str
) -> None:
    assert kind in faults(runs, steps, calls, ends)


def test_a_call_in_flight_at_a_kill_is_counted_but_no_fault() -> None:
    record = Record({"c1": [RUN]}, {"c1:one": [CUT_OFF, STEP]}, Counter(["r1"]))
    found = judge([PLAN], record, {"c1:one": [10.0, 17.0]}, [("worker", 12.0), ("web", 16.0)])
    assert (found.in_flight, any(found.faults.values())) == (Counter({"worker": 1}), False)


def test_a_call_that_nobody_planned_is_named() -> None:
    record = Record({"c1": [RUN]}, {"c1:one": [STEP]}, Counter(["r1"]))
    found = judge([PLAN], record, {"c1:one": [10.0], "c9:one": [10.0]}, [])
    assert found.faults["unplanned calls"] == ["c9:one"]
