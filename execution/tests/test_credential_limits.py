"""Calls with a credential stay within its limits, whoever makes them and whatever dies."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from accounts.keys.rates import RateExceeded, count_call
from accounts.services import create_credential
from execution.credential_limits import CallLimits, lock_name, room_for, take_turn
from execution.database import in_database
from execution.models import NodeRun
from execution.providers.access import access_for, limits_of
from execution.services import start_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    llm,
    new_actor,
    output,
    published,
    start_node,
)
from flows.engine.errors import NodeError

pytestmark = pytest.mark.usefixtures("stack")


def limits(**given: int) -> CallLimits:
    return CallLimits(uuid4(), "the credential 'Team key'", **given)


def test_no_more_calls_at_once_than_the_credential_allows() -> None:
    most, seen, now = 3, [], 0
    allowed = limits(max_concurrent=most)

    async def call() -> None:
        nonlocal now
        async with room_for(allowed):
            now += 1
            seen.append(now)
            await asyncio.sleep(0.1)
            now -= 1

    async def many() -> None:
        await asyncio.gather(*(call() for _ in range(9)))

    asyncio.run(many())
    assert len(seen) == 9
    assert max(seen) == most


def test_a_call_without_a_place_is_given_back_with_the_reason() -> None:
    allowed = limits(max_concurrent=1)

    async def two() -> NodeError:
        async with room_for(allowed):
            began = time.monotonic()
            with pytest.raises(NodeError) as caught:
                async with room_for(allowed):
                    pass
            assert 0.5 < time.monotonic() - began < 3
        async with room_for(allowed):
            return caught.value

    error = asyncio.run(two())
    assert (error.code, error.refused, error.retryable) == ("credential_busy", True, True)
    assert error.retry_after is not None
    assert error.retry_after >= 1
    assert "The credential 'Team key' allows 1 call at once" in error.message


HOLDER = """
import asyncio, sys, uuid, django
django.setup()
from execution.credential_limits import CallLimits, room_for
async def hold():
    async with room_for(CallLimits(uuid.UUID(sys.argv[1]), "x", max_concurrent=1)):
        print("held", flush=True)
        await asyncio.sleep(60)
asyncio.run(hold())
"""


@pytest.fixture
def holder() -> Iterator[tuple[UUID, "subprocess.Popen[str]"]]:
    """Another process that holds the only place of a credential."""
    name = str(connection.settings_dict["NAME"])
    head, _, query = os.environ["DATABASE_URL"].partition("?")
    url = f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
    credential = uuid4()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(credential)],
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield credential, process
    process.kill()
    process.wait()


def test_the_places_of_a_worker_that_dies_are_free_at_once(
    holder: tuple[UUID, "subprocess.Popen[str]"],
) -> None:
    credential, process = holder
    allowed = CallLimits(credential, "x", max_concurrent=1)

    async def try_once() -> bool:
        try:
            async with room_for(allowed):
                return True
        except NodeError:
            return False

    assert not asyncio.run(try_once())
    process.kill()
    process.wait()
    assert asyncio.run(try_once())


def cut_off_who_holds(credential: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks "
            "WHERE locktype = 'advisory' AND objid = 1 AND classid = (%s::bigint & 4294967295)",
            [lock_name(credential)],
        )
        assert cursor.fetchone()[0] == 1


def test_the_places_of_a_lost_connection_are_taken_anew() -> None:
    allowed = limits(max_concurrent=1)

    async def through_a_loss() -> bool:
        async with room_for(allowed):
            await in_database(lambda: cut_off_who_holds(allowed.credential))
        async with room_for(allowed):
            return True

    assert asyncio.run(through_a_loss())


def test_calls_of_a_minute_are_spread_after_a_burst() -> None:
    credential = uuid4()
    turns = [take_turn(credential, 600) for _ in range(80)]
    granted = [wait for ok, wait in turns if ok]
    refused = [wait for ok, wait in turns if not ok]
    # A tenth at once, then an even pace; what would wait over a second is given back.
    assert granted[:60] == [0] * 60
    assert 65 <= len(granted) <= 72
    assert granted == sorted(granted)
    assert refused
    assert all(wait > 1 for wait in refused)


@pytest.mark.parametrize("per_minute", [1, 7, 60, 1_000])
def test_no_minute_has_more_calls_than_allowed(per_minute: int) -> None:
    burst = max(1, per_minute // 10)
    pace = 60 / (per_minute - burst + 1)
    # The most that a minute can have: a burst, and one for each pace after it.
    calls = burst + sum(1 for n in range(1, per_minute + 1) if n * pace < 60 - 1e-9)
    assert calls <= per_minute


def test_a_credential_without_limits_asks_the_database_nothing() -> None:
    async def call() -> None:
        async with room_for(None):
            pass

    asyncio.run(call())
    actor = new_actor()
    create_credential(actor, name="Key", type="anthropic", values={"api_key": "k"})
    assert limits_of("anthropic/claude", access_for(actor.workspace_id)) is None
    assert limits_of("openai/gpt", access_for(actor.workspace_id)) is None


def test_runs_with_a_limited_credential_never_call_more_at_once(stack: Any) -> None:
    actor = new_actor()
    create_credential(
        actor,
        name="Team key",
        type="openai_compatible",
        values={"base_url": f"{stack.model_server.url}/v1", "api_key": "k"},
        max_concurrent=2,
    )
    nodes = [
        start_node("text"),
        llm("ask", "{{ start.text }}", "echo+slow-300ms", retry={"max_attempts": 20}),
        output("{{ ask.text }}"),
    ]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    runs = [start_run(actor, flow, {"text": str(n)}).run for n in range(10)]
    assert {ended(run, 60).status for run in runs} == {"succeeded"}
    rows = NodeRun.objects.filter(run__in=runs, node="ask", status="succeeded")
    # A call takes 0.3 s and two go at once: ten cannot be over before 1.5 s.
    begin = min(run.created_at for run in runs)
    assert max(row.finished_at for row in rows if row.finished_at) - begin >= timedelta(seconds=1.4)
    busy = NodeRun.objects.filter(run__in=runs, node="ask", status="failed")
    # What has to wait for long gives its attempt back, and that is no try.
    assert {row.error["code"] for row in busy if row.error} <= {"rate_limited"}


def test_calls_of_a_key_are_counted_exactly_whoever_takes_them() -> None:
    key, most = uuid4(), 30

    def call(_: int) -> bool:
        try:
            return count_call(key, most).left >= 0
        except RateExceeded:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        granted = list(threads.map(call, range(60)))
    assert granted.count(True) == most
