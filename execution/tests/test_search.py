"""Runs are found by words, by one look into the index, and only in one's own workspace."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.ids import new_id
from accounts.permissions import Actor
from execution.ending import end_from_outside, finish
from execution.models import Run, RunText
from execution.search import (
    TEXT_LIMIT,
    FoundBy,
    keep_words,
    mentioning,
    texts_of,
    words_of,
)
from execution.shapes import RunEnd
from execution.tests.pages_for_tests import make_run
from flows.models import Flow
from flows.services import update_flow
from flows.tests.fixtures import Api

pytestmark = pytest.mark.django_db


def end(run: Run, outputs: Any = None, error: Any = None) -> Run:
    finish(
        RunEnd(
            run_id=str(run.id),
            status="failed" if error else "succeeded",
            outputs=outputs or {},
            error=error,
            started_at=timezone.now().isoformat(),
            records=[],
        )
    )
    run.refresh_from_db()
    return run


def found(actor: Actor, asked: str) -> list[Run]:
    return list(mentioning(Run.objects.visible_to(actor), actor.workspace_id, asked))


@pytest.fixture
def started(flow: Flow) -> Callable[..., Run]:
    """A run under way."""

    def start(**fields: Any) -> Run:
        return make_run(flow, "running", **fields)

    return start


@pytest.mark.parametrize("over", [True, False], ids=["ended", "open"])
@pytest.mark.parametrize(
    "asked",
    [
        "lavender",
        "LAVEN",
        "cust-4711",
        "test",  # the flow's name
        "es lavender",  # somewhere in the flow's name
        "lavender 4711",
        "2.5",
        "straße",
    ],
)
def test_a_run_is_found_by_what_it_was_started_with(
    actor: Actor, started: Callable[..., Run], asked: str, over: bool
) -> None:
    run = started(
        inputs={"topic": "Lavender, STRASSE", "deep": [{"n": 2.5}]}, session_id="cust-4711"
    )
    started(inputs={"topic": "Thyme"})
    if over:
        end(run)
    assert run in found(actor, asked)
    assert found(actor, f"{asked} nowhere") == []


def test_a_run_is_found_by_its_id_and_by_the_end_of_it(
    actor: Actor, started: Callable[..., Run]
) -> None:
    runs = [started(), end(started())]
    for run in runs:
        assert found(actor, str(run.id)) == [run]
        assert found(actor, str(run.id)[-6:]) == [run]


def test_a_run_is_found_by_what_came_out_and_what_went_wrong(
    actor: Actor, started: Callable[..., Run]
) -> None:
    answered = end(started(inputs={"topic": "Tea"}), outputs={"end": {"text": "A fine oolong"}})
    failed = end(started(), error={"code": "rate_limited", "message": "Too many calls"})
    stopped = started()
    end_from_outside(str(stopped.id), "cancelled", {"code": "terminated", "message": "By hand"})
    assert found(actor, "tea oolong") == [answered]
    assert found(actor, "rate_limited calls") == [failed]
    assert found(actor, "terminated") == [stopped]


def test_a_renamed_flow_is_found_by_its_new_name(
    actor: Actor, flow: Flow, started: Callable[..., Run]
) -> None:
    run = end(started())
    assert found(actor, "herbarium") == []
    update_flow(actor, flow, name="Herbarium")
    assert found(actor, "herbarium") == [run]


@pytest.mark.parametrize("asked", ["'", "\\", "&", "a'b:*|c", "--", "💥", "' & '_w", "(((", "%"])
def test_no_sign_in_a_question_means_anything(
    actor: Actor, started: Callable[..., Run], asked: str
) -> None:
    end(started(inputs={"topic": "Tea"}))
    assert found(actor, asked) == []


def test_nothing_of_another_workspace_is_found(
    api: Api, stranger: Api, started: Callable[..., Run]
) -> None:
    runs = [started(inputs={"topic": "Tea"}), end(started(inputs={"topic": "Tea"}))]
    mine = api.get("/runs?search=tea").json()["results"]
    assert {run["id"] for run in mine} == {str(run.id) for run in runs}
    assert stranger.get("/runs?search=tea").json()["results"] == []


def test_the_page_of_runs_searches(visitor: Client, started: Callable[..., Run]) -> None:
    run = end(started(inputs={"topic": "Lavender"}))
    page = visitor.get("/runs/?search=lav").content.decode()
    assert f"/runs/{run.id}/" in page
    assert 'value="lav"' in page
    assert "No run matches" in visitor.get("/runs/?search=thyme").content.decode()
    assert visitor.get("/runs/?search=%00").status_code == 200


def test_only_the_first_characters_and_short_numbers_are_looked_into() -> None:
    texts = list(texts_of({"a": "x" * (TEXT_LIMIT - 3), "b": [10**6000, True, None, "abcdef"]}))
    assert [len(text) for text in texts] == [TEXT_LIMIT - 3, 3]
    reference = {"$blob": "0" * 64, "kind": "text", "size": 50_000, "preview": "It begins"}
    assert list(texts_of(reference)) == ["It begins"]
    assert words_of("Ada_4711@example.com " + "f" * 50) == [
        "ada",
        "4711",
        "example",
        "com",
        "f" * 40,
    ]


def test_among_20_000_runs_the_index_is_used(
    actor: Actor, flow: Flow, counted: Callable[[str], None]
) -> None:
    count, now = 20_000, timezone.now()
    ids = [new_id() for _ in range(count)]
    Run.objects.bulk_create(
        Run(
            id=run_id,
            workspace_id=flow.workspace_id,
            flow=flow,
            version_id=flow.published_id,
            status="succeeded",
            created_at=now,
            finished_at=now,
        )
        for run_id in ids
    )
    for number, run_id in enumerate(ids):
        inputs = {"topic": f"order {number} of cups, shelf {number % 97}", "note": "all the same"}
        keep_words(
            FoundBy(str(run_id), str(flow.workspace_id), str(flow.id), f"cust-{number}", inputs)
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE execution_runtext, execution_run")
    for asked, expected in [("cust 13007", 1), ("shelf 96 cups", 226), ("same", 51)]:
        rows = mentioning(Run.objects.visible_to(actor), actor.workspace_id, asked)
        rows = rows.order_by("-created_at", "-id")[: expected if asked == "same" else 1000]
        plan = rows.explain()
        began = time.perf_counter()
        # The words "96" and "960…" begin alike.
        assert len(rows) >= expected
        took = (time.perf_counter() - began) * 1000
        counted(f"{asked!r} among {count:,} runs: {took:.1f} ms")
        if asked != "same":
            assert "run_text_words" in plan, plan
        assert took < 1_000
    assert RunText.objects.count() == count
