"""Decides after a failed attempt whether another one comes, and when.

A side that only asks to come back later (a rate limit) uses up no attempt: what it asks for is
waited, within bounds. Everything else counts, and waits by the node's backoff with jitter.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from execution.attempts import RATE_LIMITED, Attempt
from execution.shapes import NodeCall
from flows.engine.attempts import is_rate_limit, may_try_again
from flows.engine.errors import NodeError

JSON = Any
#: Seconds that one node waits for rate limits in all, and how often.
MAX_WAITED = 3_600.0
MAX_WAITS = 100
#: Longest pause, in seconds, where a rate limit does not say how long.
LONGEST_UNASKED = 60.0
#: Failures that another attempt of the same run cannot mend, whatever a condition says.
FINAL = frozenset({"budget_exceeded", "node_type_unknown"})


@dataclass(frozen=True)
class Verdict:
    """What follows a failure: `facts` are what is recorded of it, `retry_in` the seconds until the
    next attempt (None: there is none).
    """

    facts: dict[str, JSON]
    retry_in: float | None


def verdict(
    call: NodeCall, attempt: Attempt, error: NodeError, *, repeatable: bool, wanted: bool | None
) -> Verdict:
    """What follows this failure. `wanted` is what the retry's condition says (None: it has none);
    `repeatable` whether what was done may be done again without harm.
    """
    limited = is_rate_limit(error) and wanted is not False and error.code not in FINAL
    if limited:
        refusal, wait = _rate_limit(call, attempt, error)
        if not refusal:
            facts = {**_facts(call, attempt, error), **RATE_LIMITED, "next_attempt_in": wait}
            return Verdict(facts, wait)
        facts = _facts(call, attempt, error)
        return Verdict({**facts, "message": f"{facts['message']} {refusal}"}, None)
    retry_in = None
    if _goes_on(call, attempt, error, repeatable=repeatable, wanted=wanted):
        retry_in = _within(call, _backoff(call["retry"], attempt.tries, error))
    return Verdict(_facts(call, attempt, error), retry_in)


def may_follow(call: NodeCall, attempt: Attempt) -> bool:
    """Whether an error that counts leaves another attempt, as far as their number goes."""
    return attempt.tries < int(call["retry"]["max_attempts"])


def seconds_left(call: NodeCall) -> float:
    """Seconds until the run's deadline."""
    return (datetime.fromisoformat(call["deadline"]) - datetime.now(UTC)).total_seconds()


def _facts(call: NodeCall, attempt: Attempt, error: NodeError) -> dict[str, JSON]:
    """The error with the place it happened at: which attempt of how many, which iteration."""
    place: dict[str, JSON] = {
        "attempt": attempt.tries,
        "max_attempts": max(attempt.tries, int(call["retry"]["max_attempts"])),
    }
    if call["path"]:
        place["path"] = call["path"]
    return {**error.as_dict(), **place}


def _goes_on(
    call: NodeCall, attempt: Attempt, error: NodeError, *, repeatable: bool, wanted: bool | None
) -> bool:
    if error.code in FINAL or not may_follow(call, attempt):
        return False
    if wanted is not None:
        return wanted
    return may_try_again(error, repeatable=repeatable, asked_for=call["retry_asked_for"])


def _backoff(retry: Mapping[str, JSON], tries: int, error: NodeError) -> float:
    """Seconds: what the other side asked for, else backoff with jitter."""
    wait = min(retry["initial_seconds"] * retry["backoff"] ** (tries - 1), retry["max_seconds"])
    return round(max(wait * random.uniform(0.8, 1.2), error.retry_after or 0), 3)


def _within(call: NodeCall, wait: float) -> float | None:
    """The wait, or None where the run would be over by then."""
    return wait if wait < seconds_left(call) else None


def _rate_limit(call: NodeCall, attempt: Attempt, error: NodeError) -> tuple[str, float]:
    """(why it is not waited for any more, or nothing; seconds to wait)."""
    asked = error.retry_after or min(2.0**attempt.waits, LONGEST_UNASKED)
    # Many that were told the same time do not all come back at the same moment.
    wait = round(asked + random.uniform(0, min(1.0, asked / 10)), 3)
    if attempt.waits >= MAX_WAITS or attempt.waited + wait > MAX_WAITED:
        times = f"{attempt.waits} times" if attempt.waits != 1 else "once"
        waited = f"It was waited for {times}, {attempt.waited:.0f} s in all" * bool(attempt.waits)
        return (
            f"{waited or 'It asks for a longer wait'} ({asked:.0f} s more are asked for, at most "
            f"{MAX_WAITED:.0f} s are waited); run the flow later, or send less at once.",
            wait,
        )
    if _within(call, wait) is None:
        left = max(0.0, seconds_left(call))
        return (
            f"It has to be waited {asked:.0f} s, but the run ends in {left:.0f} s; raise "
            "settings.timeout_seconds of the flow, or run it later.",
            wait,
        )
    return "", wait
