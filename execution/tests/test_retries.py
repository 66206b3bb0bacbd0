"""What follows a failed attempt: another one, and when; and what the record says of it."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from execution.attempts import Attempt
from execution.retries import MAX_WAITED, MAX_WAITS, Verdict, verdict
from execution.shapes import NodeCall
from flows.engine.errors import NodeError

RETRY = {"max_attempts": 4, "initial_seconds": 1, "backoff": 2, "max_seconds": 30}
PASSING = NodeError("timeout", "Too late.", retryable=True)
FINAL = NodeError("model_refused", "No.")


def limit(retry_after: float | None = 5) -> NodeError:
    """As a model that is asked too often answers."""
    details = {"status": 429}
    return NodeError(
        "model_rate_limited",
        "Too much.",
        retryable=True,
        refused=True,
        retry_after=retry_after,
        details=details,
    )


def after(
    error: NodeError,
    attempt: Attempt | None = None,
    *,
    wanted: bool | None = None,
    seconds: float = 10_000,
    **call: Any,
) -> Verdict:
    """What follows this error, in a run that ends in `seconds`."""
    deadline = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    plain = {"retry": RETRY, "retry_asked_for": False, "path": [], "deadline": deadline, **call}
    return verdict(
        cast(NodeCall, plain), attempt or Attempt(1, 1), error, repeatable=True, wanted=wanted
    )


def test_a_failure_that_may_pass_is_tried_again_with_backoff_and_jitter() -> None:
    for tries, pause in ((1, 1), (2, 2), (3, 4)):
        waits = {after(PASSING, Attempt(tries, tries)).retry_in for _ in range(20)}
        assert all(wait is not None and 0.8 * pause <= wait <= 1.2 * pause for wait in waits)
        assert len(waits) > 10
    assert after(PASSING, Attempt(4, 4)).retry_in is None
    assert after(FINAL).retry_in is None


def test_a_pause_never_passes_the_end_of_the_run() -> None:
    assert after(PASSING, seconds=0.5).retry_in is None


def test_the_record_says_which_attempt_of_how_many_and_which_iteration() -> None:
    facts = after(PASSING, Attempt(5, 3), path=["rows", 3]).facts
    assert (facts["code"], facts["message"]) == ("timeout", "Too late.")
    assert (facts["attempt"], facts["max_attempts"], facts["path"]) == (3, 4, ["rows", 3])
    assert "path" not in after(PASSING).facts


def test_a_condition_decides_in_place_of_the_error() -> None:
    assert after(FINAL, wanted=True).retry_in is not None
    assert after(PASSING, wanted=False).retry_in is None
    assert after(FINAL, Attempt(4, 4), wanted=True).retry_in is None
    assert after(limit(), wanted=False).retry_in is None


def test_a_spent_budget_is_final_whatever_a_condition_says() -> None:
    assert after(NodeError("budget_exceeded", "All spent."), wanted=True).retry_in is None


def test_a_rate_limit_waits_what_is_asked_and_uses_no_attempt() -> None:
    said = after(limit(7), Attempt(9, 4, waits=5, waited=35))
    assert said.retry_in is not None
    assert 7 <= said.retry_in <= 7.7
    assert said.facts["code"] == "rate_limited"
    assert said.facts["next_attempt_in"] == said.retry_in
    assert (said.facts["attempt"], said.facts["max_attempts"]) == (4, 4)


def test_pauses_grow_where_a_rate_limit_does_not_say_how_long() -> None:
    waits = [after(limit(None), Attempt(1, 1, waits=n)).retry_in or 0 for n in range(9)]
    assert [int(wait) for wait in waits[:5]] == [1, 2, 4, 8, 16]
    assert all(60 <= wait <= 61 for wait in waits[6:])


@pytest.mark.parametrize(
    ("attempt", "retry_after"),
    [
        (Attempt(9, 1, waits=MAX_WAITS, waited=100), 1),
        (Attempt(9, 1, waits=3, waited=MAX_WAITED - 10), 11),
        (Attempt(1, 1), MAX_WAITED + 1),
    ],
)
def test_rate_limits_are_waited_for_within_bounds(attempt: Attempt, retry_after: float) -> None:
    said = after(limit(retry_after), attempt)
    assert said.retry_in is None
    assert said.facts["code"] == "model_rate_limited"
    assert "run the flow later" in said.facts["message"]


def test_a_rate_limit_beyond_the_runs_end_says_so() -> None:
    said = after(limit(120), seconds=60)
    assert said.retry_in is None
    assert "120 s" in said.facts["message"]
    assert "settings.timeout_seconds" in said.facts["message"]
