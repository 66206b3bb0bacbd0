"""The page of a run with containers: counts, iterations, what is read, and how they are picked."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.permissions import Actor
from execution.iterations import SHOWN, inside_of, iterations_of
from execution.models import NodeRun, Run, RunEvent
from execution.queries import shown_node_runs
from execution.recording import node_key
from execution.tests.flows_for_tests import document, llm, output, published, start_node
from execution.tests.pages_for_tests import htmx, make_run
from flows.models import Flow

ITEMS = 2_000


@pytest.fixture
def mapped(actor: Actor) -> Flow:
    """A map around two steps, and a map in it."""
    rows = {"id": "rows", "type": "map", "config": {"items": "{{ start.text | split(',') }}"}}
    cells = {"id": "cells", "type": "map", "parent": "rows", "config": {"items": [1, 2]}}
    nodes = [
        start_node("text"),
        {**rows, "label": "Each row"},
        {**llm("ask", "{{ item }}"), "parent": "rows"},
        cells,
        {**llm("deep", "{{ item }}"), "parent": "cells"},
        output("{{ rows.count }}"),
    ]
    return published(actor, document(nodes, ["start>rows", "rows>end", "ask>cells"]))


def rows_of(run: Run, node: str, type: str, count: int, **more: Any) -> list[NodeRun]:
    made = [
        NodeRun(
            run=run,
            node=node,
            type=type,
            path=["rows", number],
            status=more.get("status", "succeeded"),
            started_at=timezone.now(),
            **{name: value for name, value in more.items() if name != "status"},
        )
        for number in range(count)
    ]
    return NodeRun.objects.bulk_create(made)


def opened(run: Run, items: list[Any], status: str = "running") -> NodeRun:
    now = timezone.now()
    NodeRun.objects.create(run=run, node="start", type="input", status="succeeded", started_at=now)
    return NodeRun.objects.create(
        run=run,
        node="rows",
        type="map",
        status=status,
        input={"items": items},
        started_at=timezone.now(),
    )


def test_a_step_inside_says_how_many_items_are_where(visitor: Client, mapped: Flow) -> None:
    run = make_run(mapped, "running")
    opened(run, list(range(10)))
    done = rows_of(run, "ask", "llm", 7, ports=["out"], input_tokens=3, output_tokens=1)
    NodeRun.objects.filter(pk=done[2].pk).update(status="failed")
    key = node_key("finished", "ask", ["rows", 2], 1)
    RunEvent.objects.create(
        run=run, seq=9, key=key, at=timezone.now(), type="node.finished", node="ask"
    )
    NodeRun.objects.filter(pk=done[6].pk).update(status="running")
    content = visitor.get(f"/runs/{run.id}/").content.decode()
    assert '<span data-slot="summary">6 of 10 done, 1 failed, 1 running</span>' in content
    assert 'data-step="ask" data-state="running"' in content
    assert "21 → 7 tokens" in content
    assert 'aria-label="Inside Each row"' in content
    progress = visitor.get(f"/runs/{run.id}/progress/").json()
    assert progress["steps"]["ask"] == {
        "state": "running",
        "summary": "6 of 10 done, 1 failed, 1 running",
    }
    assert progress["steps"]["deep"] == {"state": "pending", "summary": ""}
    assert progress["usage"] == {"input_tokens": 21, "output_tokens": 7, "cost": "0E-8"}


def test_a_failure_that_is_tried_again_is_no_failure_yet(visitor: Client, mapped: Flow) -> None:
    run = make_run(mapped, "running")
    opened(run, [1, 2])
    rows_of(run, "ask", "llm", 2, status="failed")
    NodeRun.objects.create(
        run=run, node="ask", type="llm", path=["rows", 0], attempt=2, status="succeeded"
    )
    assert inside_of(run)["ask"].counts == {"succeeded": 1, "retrying": 1}
    content = visitor.get(f"/runs/{run.id}/").content.decode()
    assert "1 of 2 done, 1 tried again" in content
    Run.objects.filter(pk=run.pk).update(status="failed", finished_at=timezone.now())
    run.refresh_from_db()
    assert inside_of(run)["ask"].counts == {"succeeded": 1, "failed": 1}


def test_the_page_of_a_large_map_reads_counts_not_rows(
    visitor: Client, mapped: Flow, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    run = make_run(mapped, "running")
    opened(run, list(range(ITEMS)))
    rows_of(run, "ask", "llm", ITEMS, input={"prompt": "x" * 200}, output={"text": "y" * 200})
    rows_of(run, "cells", "map", ITEMS, input={"items": [1, 2]})
    visitor.get(f"/runs/{run.id}/")
    assert len(shown_node_runs(run)) == 2
    with django_assert_num_queries(9) as page:
        content = visitor.get(f"/runs/{run.id}/").content.decode()
    assert f"{ITEMS:,} of {ITEMS:,} done" in content
    assert len(content) < 60_000
    with django_assert_num_queries(9):
        visitor.get(f"/runs/{run.id}/progress/")
    with django_assert_num_queries(5) as picked:
        listed = htmx(visitor, f"/runs/{run.id}/steps/ask/iterations/")
    assert listed.count("<li>") == SHOWN
    assert "Item 1999" in listed
    for query in (*page.captured_queries, *picked.captured_queries):
        assert '"execution_noderun"."input"' not in query["sql"]


def test_of_many_waits_the_one_that_ends_first_is_said_with_one_query_for_the_page(
    visitor: Client, actor: Actor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rows = {"id": "rows", "type": "map", "config": {"items": "{{ start.text | split(',') }}"}}
    waits = [
        {"id": name, "type": "wait", "parent": "rows", "config": {"seconds": 1}} for name in "abc"
    ]
    steps = [start_node("text"), rows, *waits, output("{{ rows.count }}")]
    flow = published(actor, document(steps, ["start>rows", "rows>end"]))
    run = make_run(flow, "running")
    opened(run, list(range(300)))
    began = datetime(2026, 11, 1, tzinfo=UTC)
    for node in "ab":
        for number, row in enumerate(
            rows_of(run, node, "wait", 300, status="waiting", input={"seconds": 86_400})
        ):
            started = began + timedelta(seconds=number)
            NodeRun.objects.filter(pk=row.pk).update(started_at=started)
    newest = NodeRun.objects.filter(run=run, node="b", path=["rows", 299])
    newest.update(input={"until": "2026-11-01T12:00:00+01:00"})
    content = visitor.get(f"/runs/{run.id}/").content.decode()
    assert content.count("The next one ends") == 2
    assert 'datetime="2026-11-02T00:00:00+00:00"' in content
    assert 'datetime="2026-11-01T11:00:00+00:00"' in content
    with django_assert_num_queries(10):
        visitor.get(f"/runs/{run.id}/")


def test_the_newest_iterations_come_first_and_no_more_than_a_page_of_them(mapped: Flow) -> None:
    run = make_run(mapped, "running")
    rows_of(run, "ask", "llm", 300)
    newest = iterations_of(run, "ask")
    assert [row.path[1] for row in newest] == list(range(299, 299 - SHOWN, -1))


def test_items_are_picked_by_number_and_by_failure(visitor: Client, mapped: Flow) -> None:
    run = make_run(mapped, "failed")
    opened(run, list(range(120)), "failed")
    rows = rows_of(run, "ask", "llm", 120)
    NodeRun.objects.filter(pk=rows[3].pk).update(
        status="failed", error={"code": "busy", "message": "Too <busy>."}
    )
    address = f"/runs/{run.id}/steps/ask/iterations/"
    assert "Item 3<" not in htmx(visitor, address)
    one = htmx(visitor, f"{address}?number=3")
    assert (one.count("<li>"), "Item 3<" in one, "Too &lt;busy&gt;." in one) == (1, True, True)
    failed = htmx(visitor, f"{address}?failed=1")
    assert failed.count("<li>") == 1
    assert f'data-iterations="{address}?failed=1"' in failed
    assert "None is like that" in htmx(visitor, f"{address}?failed=1&number=4")
    assert htmx(visitor, f"{address}?number=nonsense").count("<li>") == SHOWN
    assert visitor.get(f"/runs/{run.id}/steps/rows/iterations/").status_code == 404


def test_one_iteration_shows_what_went_in_and_out(visitor: Client, mapped: Flow) -> None:
    run = make_run(mapped)
    opened(run, [1, 2], "succeeded")
    path = ["rows", 1, "cells", 0]
    for attempt, status in ((1, "failed"), (2, "succeeded")):
        NodeRun.objects.create(
            run=run, node="deep", type="llm", path=path, attempt=attempt, status=status,
            input={"prompt": "deep"}, output={"text": f"Answer {attempt}"},
        )  # fmt: skip
    address = f"/runs/{run.id}/nodes/deep/"
    values = htmx(visitor, f"{address}?at=rows.1.cells.0")
    assert "Answer 2" in values
    assert "Attempts" in values
    page = visitor.get(f"{address}?at=rows.1.cells.0").content.decode()
    assert "Item 1, item 0" in page
    whole = visitor.get(f"{address}output.json?at=rows.1.cells.0")
    assert json.loads(whole.content) == {"text": "Answer 2"}
    assert "deep-rows-1-cells-0-output.json" in whole["Content-Disposition"]
    assert "Item 1, item 0" in visitor.get(address).content.decode()
    for nonsense in ("rows", "rows.x", "rows.9", "rows.-1", "." * 500):
        assert visitor.get(f"{address}?at={nonsense}").status_code == 404


def test_sub_flows_are_linked_there_and_back(visitor: Client, actor: Actor, flow: Flow) -> None:
    sub = {"id": "sub", "type": "subflow", "label": "Translate", "config": {"flow": flow.slug}}
    above = published(actor, document([start_node("x"), sub, output(1)], ["start>sub", "sub>end"]))
    run = make_run(above)
    NodeRun.objects.create(run=run, node="sub", type="subflow", status="succeeded", reused=True)
    child = make_run(flow, parent=run, parent_node="sub", parent_path=[])
    content = visitor.get(f"/runs/{run.id}/").content.decode()
    assert f'href="/runs/{child.id}/">Run of the sub-flow' in content
    assert "Reused" in content
    back = visitor.get(f"/runs/{child.id}/").content.decode()
    assert f'href="/runs/{run.id}/#step-sub">Translate in a run of Test</a>' in back


def test_containers_nested_without_end_are_shown_to_a_depth(actor: Actor, visitor: Client) -> None:
    deep: list[dict[str, Any]] = [{"id": "m0", "type": "map", "config": {"items": [1]}}]
    for number in range(1, 60):
        parent = f"m{number - 1}"
        deep.append({"id": f"m{number}", "type": "map", "parent": parent, "config": {"items": [1]}})
    flow = published(actor, document([start_node("x"), *deep, output(1)], ["start>m0", "m0>end"]))
    content = visitor.get(f"/runs/{make_run(flow).id}/").content.decode()
    assert 'data-step="m20"' in content
    assert 'data-step="m59"' not in content
    assert 'data-node="m59"' in content


def test_an_item_that_still_streams_shows_what_it_has_said(visitor: Client, mapped: Flow) -> None:
    run = make_run(mapped, "running")
    opened(run, [1])
    rows_of(run, "ask", "llm", 1, status="running")
    for seq, (offset, text) in enumerate([(0, "One "), (4, "two <three>")], start=1):
        RunEvent.objects.create(
            run=run,
            seq=seq,
            key=f"delta:{seq}",
            at=timezone.now(),
            type="node.delta",
            node="ask",
            path=["rows", 0],
            data={"attempt": 1, "offset": offset, "text": text},
        )
    shown = htmx(visitor, f"/runs/{run.id}/nodes/ask/?at=rows.0")
    assert 'data-streaming="ask:rows.0" data-attempt="1" data-length="15"' in shown
    assert "One two &lt;three&gt;" in shown
