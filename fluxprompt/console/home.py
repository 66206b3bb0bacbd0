"""The console's first page: is it well, what is going on, what fails."""

import platform
import shutil
from dataclasses import dataclass
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from accounts.operators.maintenance import notice
from execution.build import build_id
from execution.queue_states import queue_states, server_version
from execution.recent_numbers import Recent, recent
from execution.temporal_client import TemporalUnreachable
from fluxprompt.health import readiness

#: Height of the picture of the last hour, in its own units; a minute is 10 wide.
HEIGHT = 60
OPEN = (("queued", "Queued"), ("running", "Running"), ("waiting", "Waiting"), ("paused", "Paused"))


@dataclass(frozen=True)
class Bar:
    """A minute in the picture of the last hour."""

    x: int
    made: float
    failed: float
    title: str

    @property
    def y(self) -> float:
        return HEIGHT - self.made

    @property
    def failed_y(self) -> float:
        return HEIGHT - self.failed


def home(request: HttpRequest) -> dict[str, Any]:
    """What the template shows: readiness to every operator, numbers to who may look at runs.

    Costs a round trip to Temporal, a look at the database's files, and what `recent` says.
    """
    context: dict[str, Any] = {
        "checks": readiness(),
        "maintenance": notice(),
        "versions": versions(),
        "may_see_runs": request.user.has_perm("execution.view_run"),  # type: ignore[union-attr]
    }
    if context["may_see_runs"]:
        numbers = recent(timezone.now())
        context |= {
            "numbers": numbers,
            "open": [(word, numbers.open.get(status, 0)) for status, word in OPEN],
            "made": sum(minute.made for minute in numbers.minutes),
            "failed": sum(minute.failed for minute in numbers.minutes),
            "bars": _bars(numbers),
            "height": HEIGHT,
            "room": _room(),
        }
        context |= _backlog()
    return context


def _bars(numbers: Recent) -> list[Bar]:
    most = max((minute.made for minute in numbers.minutes), default=0) or 1
    return [
        Bar(
            index * 10,
            minute.made * HEIGHT / most,
            minute.failed * HEIGHT / most,
            f"{minute.at:%H:%M}: {minute.made:,} runs, {minute.failed:,} failed",
        )
        for index, minute in enumerate(numbers.minutes)
    ]


def _backlog() -> dict[str, Any]:
    try:
        states = queue_states()
    except TemporalUnreachable as away:
        return {"temporal_away": str(away)}
    waiting = sum(state.backlog for state in states)
    oldest = max((state.age for state in states), default=0.0)
    return {"backlog": waiting, "backlog_age": oldest if waiting else 0.0}


def _room() -> dict[str, int]:
    """Bytes of the database, and of the disk that the data folder lies on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        database = int(cursor.fetchone()[0])
    disk = shutil.disk_usage(settings.FLUX_DATA_DIR)
    return {"database": database, "free": disk.free, "total": disk.total}


def versions() -> list[tuple[str, str]]:
    """What this copy is made of."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        postgresql = str(cursor.fetchone()[0])
    try:
        temporal = server_version()
    except TemporalUnreachable:
        temporal = "does not answer"
    return [
        ("Build", build_id()[:12]),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        ("PostgreSQL", postgresql.split()[0]),
        ("Temporal", temporal),
    ]
