"""Turns of a model node: written with the result and only then, read before the next question."""

import uuid
from typing import Any

import pytest
from django.utils import timezone

from execution.attempts import begin_attempt
from execution.doors.memory import RunMemories
from execution.memories import turns
from execution.memories.models import Memory, MemoryEntry
from execution.memories.turns import read_turns
from execution.models import Run, RunStatus
from execution.results import Outcome, fail_attempt, succeed_attempt
from execution.shapes import NodeCall, NodeDone
from execution.tests.flows_for_tests import document, llm, new_actor, output, published, start_node
from flows.engine.doors.memory import TEXT_CHARACTERS, Turn
from flows.models import Flow

pytestmark = pytest.mark.django_db
DONE = NodeDone(output={"text": "x"}, ports=["out"], ends_run=None, message="")


@pytest.fixture
def flow() -> Flow:
    nodes = [start_node("n"), llm("ask", "p"), output("x")]
    return published(new_actor(), document(nodes, ["start>ask", "ask>end"]))


def run_of(flow: Flow, **fields: Any) -> Run:
    now = timezone.now()
    return Run.objects.create(
        workspace_id=flow.workspace_id,
        flow=flow,
        version_id=flow.published_id,
        status=RunStatus.RUNNING,
        created_at=now,
        started_at=now,
        last_seq=5,
        **fields,
    )


def call_of(run: Run, *path: str | int, session: str | None = "ada", node: str = "ask") -> NodeCall:
    now = timezone.now().isoformat()
    return NodeCall(
        run_id=str(run.id),
        workspace_id=str(run.workspace_id),
        flow_id=str(run.flow_id),
        node=node,
        type="llm",
        config={},
        path=list(path),
        timeout_seconds=5,
        retry={"max_attempts": 3, "initial_seconds": 0, "backoff": 1, "max_seconds": 1},
        retry_asked_for=False,
        context={},
        incoming=[],
        from_record=[],
        run_inputs={},
        session_id=session,
        started_at=now,
        deadline=now,
        value_limit=30_000,
        records=[],
    )


def outcome(call: NodeCall, user: str, assistant: str = "a") -> Outcome:
    door = RunMemories(call)
    door.keep_turn(Turn(user, assistant))
    return Outcome(None, (), (), door.kept_turn())


def say(call: NodeCall, user: str, assistant: str = "a") -> None:
    """A step that succeeds with this turn."""
    attempt = begin_attempt(call, uuid.uuid4().hex)
    succeed_attempt(call, attempt, DONE, outcome(call, user, assistant))


def seen(call: NodeCall, limit: int = 50) -> list[str]:
    """What the user said in the turns that a step would see."""
    kept = outcome(call, "").turn
    assert kept is not None
    return [turn.user for turn in read_turns(kept.place, kept.step, kept.at, limit)]


def test_a_turn_is_kept_once_however_often_its_result_is_written(flow: Flow) -> None:
    call = call_of(run_of(flow))
    attempt = begin_attempt(call, "t")
    for _ in range(3):
        succeed_attempt(call, attempt, DONE, outcome(call, "Hello"))
    assert seen(call_of(run_of(flow))) == ["Hello"]
    # The call that comes again after its answer was lost finds the result, and asks nobody.
    assert begin_attempt(call, "u").done is not None


def test_an_attempt_that_failed_or_came_too_late_leaves_no_turn(flow: Flow) -> None:
    call = call_of(run_of(flow))
    first = begin_attempt(call, "one")
    fail_attempt(call, first, {"code": "boom", "message": "x"}, outcome(call, "lost"), retry_in=0)
    assert seen(call) == []
    second = begin_attempt(call, "two")
    third = begin_attempt(call, "three")
    assert (second.number, third.number) == (2, 3)
    succeed_attempt(call, third, DONE, outcome(call, "in time"))
    succeed_attempt(call, second, DONE, outcome(call, "too late"))
    assert seen(call_of(run_of(flow))) == ["in time"]


def test_a_step_does_not_see_its_own_turn_and_rounds_see_those_before(flow: Flow) -> None:
    run = run_of(flow)
    for index in range(3):
        say(call_of(run, "rounds", index), f"round {index}")
    assert seen(call_of(run, "rounds", 2)) == ["round 0", "round 1"]
    assert seen(call_of(run, "rounds", 3), limit=2) == ["round 1", "round 2"]


def test_sessions_and_nodes_do_not_see_each_other(flow: Flow) -> None:
    run = run_of(flow)
    say(call_of(run), "ada's")
    say(call_of(run_of(flow), session="bob"), "bob's")
    say(call_of(run, node="other"), "other's")
    later = run_of(flow)
    assert seen(call_of(later)) == ["ada's"]
    assert seen(call_of(later, session="bob")) == ["bob's"]
    assert seen(call_of(later, node="other")) == ["other's"]


def test_a_repeated_run_takes_the_place_of_what_it_repeats(flow: Flow) -> None:
    say(call_of(run_of(flow)), "before")
    old = run_of(flow)
    for index in range(3):
        say(call_of(old, "rounds", index), f"old {index}")
    say(call_of(run_of(flow)), "somebody else")
    again = run_of(flow, rerun_of=run_of(flow, rerun_of=old))
    # Round 0 was taken over, round 1 runs again.
    assert seen(call_of(again, "rounds", 1)) == ["before", "old 0", "somebody else"]
    say(call_of(again, "rounds", 1), "new 1")
    assert seen(call_of(run_of(flow))) == ["before", "old 0", "somebody else", "new 1"]
    memory = Memory.objects.get()
    sizes = MemoryEntry.objects.values_list("size", flat=True)
    assert (memory.count, memory.size) == (4, sum(sizes))


def test_long_texts_are_cut_and_turns_fit_in_what_a_model_is_shown(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(call_of(run_of(flow)), "u" * 50_000, "\ud83d{{ x }}")
    call = call_of(run_of(flow))
    kept = outcome(call, "").turn
    assert kept is not None
    (turn,) = read_turns(kept.place, kept.step, kept.at, 50)
    assert turn == Turn("u" * (TEXT_CHARACTERS - 2) + " …", "\ufffd{{ x }}")
    monkeypatch.setattr(turns, "TURNS_CHARACTERS", TEXT_CHARACTERS + 100)
    for number in range(10):
        say(call_of(run_of(flow)), f"{number}" * 10, "a")
    assert len(seen(call)) == 10
    assert seen(call)[-1] == "9" * 10


def test_only_fifty_turns_are_kept(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    assert turns.MOST_TURNS == 50
    monkeypatch.setattr(turns, "MOST_TURNS", 3)
    for number in range(5):
        say(call_of(run_of(flow)), str(number))
    assert list(MemoryEntry.objects.order_by("number").values_list("number", flat=True)) == [
        3,
        4,
        5,
    ]


async def test_without_a_session_nothing_is_read_or_kept() -> None:
    run = Run(id=uuid.uuid4(), workspace_id=uuid.uuid4(), flow_id=uuid.uuid4())
    door = RunMemories(call_of(run, session=None))
    door.keep_turn(Turn("a", "b"))
    assert (await door.turns(5), door.kept_turn()) == ((), None)
