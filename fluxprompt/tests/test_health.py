"""Liveness asks nobody; readiness names what is missing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from execution.temporal_client import TemporalUnreachable
from fluxprompt import health

#: A worker for each kind of work.
ALL = {"io": 1, "model": 1, "code": 1}


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_latest", health._Latest())
    monkeypatch.setattr(health, "workers_present", lambda: ALL)


def polled(monkeypatch: pytest.MonkeyPatch, at: datetime | None) -> list[int]:
    """Temporal says that a worker last polled then; counts how often it is asked."""
    asked: list[int] = []

    def answer(call: Any, **_: Any) -> datetime | None:
        asked.append(1)
        return at

    monkeypatch.setattr(health, "run_sync", answer)
    return asked


def test_alive_without_a_database_and_without_a_key() -> None:
    response = Client().get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_ready_when_everything_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    polled(monkeypatch, datetime.now(UTC))
    response = Client().get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert all(check["ok"] for check in response.json()["checks"].values())


@pytest.mark.django_db
@pytest.mark.parametrize("last", [None, timedelta(minutes=3)])
def test_not_ready_without_a_polling_worker(
    monkeypatch: pytest.MonkeyPatch, last: timedelta | None
) -> None:
    polled(monkeypatch, None if last is None else datetime.now(UTC) - last)
    response = Client().get("/readyz")
    assert response.status_code == 503
    checks = response.json()["checks"]
    assert (checks["temporal"]["ok"], checks["worker"]["ok"]) == (True, False)
    assert "runworker" in checks["worker"]["detail"]


def test_a_worker_that_died_is_not_taken_for_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    polled(monkeypatch, datetime.now(UTC))
    monkeypatch.setattr(health, "workers_present", lambda: {**ALL, "io": 0})
    response = Client().get("/readyz")
    assert response.status_code == 503
    checks = response.json()["checks"]
    assert (checks["database"]["ok"], checks["worker"]["ok"]) == (True, False)


def test_a_kind_of_work_that_nobody_does_is_named_and_the_rest_is_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    polled(monkeypatch, datetime.now(UTC))
    monkeypatch.setattr(health, "workers_present", lambda: {**ALL, "model": 0})
    response = Client().get("/readyz")
    assert response.status_code == 200
    detail = response.json()["checks"]["worker"]["detail"]
    assert "of the kind model" in detail
    assert "runworker --queues" in detail


@pytest.mark.django_db
def test_not_ready_without_temporal(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(call: Any, **_: Any) -> None:
        raise TemporalUnreachable("no answer")

    monkeypatch.setattr(health, "run_sync", away)
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["temporal"]["ok"] is False


def test_not_ready_without_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    polled(monkeypatch, datetime.now(UTC))

    def away() -> bool:
        raise OperationalError("gone")

    monkeypatch.setattr(health, "workers_present", away)
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["database"]["ok"] is False


@pytest.mark.django_db
def test_probes_in_one_second_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = polled(monkeypatch, datetime.now(UTC))
    for _ in range(5):
        Client().get("/readyz")
    assert len(asked) == 1
