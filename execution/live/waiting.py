"""Waits for the end of a run, woken by the recording step that wrote it."""

import time

from execution.live.hub import hub
from execution.models import ENDED, Run

#: Seconds after which a waiter looks at the row itself, should a notification have been lost.
LOOK_EVERY = 2.0


def wait_until_ended(run_id: object, seconds: float) -> bool:
    """Block until the run has ended, or for so many seconds; whether it has.

    Give the thread's database connection back before calling when it may take long: this asks
    for one only when it looks.
    """
    run = str(run_id)
    deadline = time.monotonic() + seconds
    ended = hub().expect_end(run)
    try:
        while True:
            if Run.objects.filter(id=run, status__in=ENDED).exists():
                return True
            _give_connection_back()
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            ended.wait(min(left, LOOK_EVERY))
            ended.clear()
    finally:
        hub().stop_expecting(run, ended)


def _give_connection_back() -> None:
    from django.db import connection

    if not connection.in_atomic_block:
        connection.close()
