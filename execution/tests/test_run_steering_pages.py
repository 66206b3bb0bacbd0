"""Steering a run from its page: what is offered in which state, and what the forms do."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from accounts.models import Workspace
from accounts.permissions import Actor
from execution.blobs import save_blobs
from execution.models import NodeRun, Run
from execution.payloads import Externalizer
from execution.temporal_client import TemporalUnreachable
from execution.tests.flows_for_tests import document, llm, output, published, start_node
from execution.tests.pages_for_tests import make_run, make_step
from flows.models import Flow


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []

    def send(_: Any, name: str) -> bool:
        sent.append(name)
        return True

    monkeypatch.setattr("execution.telling.signal_run", send)
    return sent


def offered(visitor: Client, run: Run) -> set[str]:
    """The slots of the head that are not hidden."""
    content = visitor.get(f"/runs/{run.id}/").content.decode()
    slots = ("cancel", "pause", "resume", "again-failed")
    shown = {name for name in slots if f'data-slot="{name}">' in content}
    hidden = {name for name in slots if f'data-slot="{name}" hidden>' in content}
    assert not shown & hidden
    return shown


def test_the_page_offers_what_the_state_allows(visitor: Client, flow: Flow) -> None:
    assert offered(visitor, make_run(flow, "running")) == {"cancel", "pause"}
    assert offered(visitor, make_run(flow, "running", execution="inline")) == {"cancel"}
    paused = make_run(flow, "paused", finished_at=None)
    assert offered(visitor, paused) == {"cancel", "resume"}
    assert offered(visitor, make_run(flow)) == set()
    assert offered(visitor, make_run(flow, "failed")) == {"again-failed"}
    stopped = make_run(flow, "cancelled")
    assert offered(visitor, stopped) == {"again-failed"}
    assert "where it stopped" in visitor.get(f"/runs/{stopped.id}/").content.decode()


def test_a_run_is_paused_and_resumed(visitor: Client, flow: Flow, signals: list[str]) -> None:
    run = make_run(flow, "running")
    assert visitor.post(f"/runs/{run.id}/pause/").status_code == 302
    run.refresh_from_db()
    assert run.status == "paused"
    assert "Paused" in visitor.get(f"/runs/{run.id}/").content.decode()
    visitor.post(f"/runs/{run.id}/resume/")
    run.refresh_from_db()
    assert (run.status, signals) == ("running", ["pause", "resume"])
    assert visitor.get(f"/runs/{run.id}/pause/").status_code == 405


def test_what_cannot_be_paused_says_why(visitor: Client, flow: Flow) -> None:
    said = get_messages(visitor.post(f"/runs/{make_run(flow).id}/pause/").wsgi_request)
    assert "ended already" in str(list(said)[-1])


def test_a_pause_is_kept_while_the_engine_is_away(
    visitor: Client, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> bool:
        raise TemporalUnreachable("nobody there")

    monkeypatch.setattr("execution.telling.signal_run", away)
    run = make_run(flow, "running")
    visitor.post(f"/runs/{run.id}/pause/")
    run.refresh_from_db()
    assert (run.status, run.signal_due_at is None) == ("paused", False)


def again(visitor: Client, run: Run, **data: str) -> Any:
    return visitor.post(f"/runs/{run.id}/again/", data)


def newest(run: Run) -> Run:
    return Run.objects.filter(rerun_of=run).latest("created_at")


def test_a_run_goes_on_where_it_failed(visitor: Client, flow: Flow, dispatched: list[Run]) -> None:
    run = make_run(flow, "failed")
    response = again(visitor, run)
    made = newest(run)
    assert response["Location"] == f"/runs/{made.id}/"
    assert made.options["rerun"]["start"] is None
    assert made.options["rerun"]["edited"] is False
    page = visitor.get(f"/runs/{made.id}/").content.decode()
    assert f'href="/runs/{run.id}/">run {str(run.id)[-6:]}</a> where it stopped' in page


def test_each_step_of_an_ended_run_leads_to_the_form(
    visitor: Client, flow: Flow, dispatched: list[Run]
) -> None:
    run = make_run(flow)
    make_step(run, "ask")
    page = visitor.get(f"/runs/{run.id}/").content.decode()
    assert f'href="/runs/{run.id}/again/?from=ask"' in page
    form = visitor.get(f"/runs/{run.id}/again/?from=ask").content.decode()
    assert "Run again from “ask”" in form
    assert ">Tea</textarea>" in form
    again(visitor, run, form="1", **{"from": "ask", "input-topic": "Tea"})
    assert newest(run).options["rerun"] == {
        "run": str(run.id),
        "start": "ask",
        "only_failed": False,
        "edited": False,
    }
    again(visitor, run, form="1", **{"from": "ask", "input-topic": "Coffee"})
    assert newest(run).inputs == {"topic": "Coffee"}
    assert newest(run).options["rerun"]["edited"] is True
    assert visitor.get(f"/runs/{run.id}/again/?from=nobody").status_code == 404


def test_an_input_that_is_missing_is_said_at_its_field(visitor: Client, flow: Flow) -> None:
    run = make_run(flow)
    response = again(visitor, run, form="1", **{"from": "ask", "input-topic": ""})
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.content.decode()
    assert not Run.objects.filter(rerun_of=run).exists()


def test_an_input_too_large_to_be_shown_keeps_its_value(
    visitor: Client, flow: Flow, dispatched: list[Run]
) -> None:
    out = Externalizer()
    inputs = out.shrink_object({"topic": "x" * 300_000}, whole=False)
    save_blobs(flow.workspace_id, out.blobs)
    run = make_run(flow, inputs=inputs)
    response = again(visitor, run, form="1", **{"from": "ask", "input-topic": ""})
    assert response.status_code == 302
    assert newest(run).inputs == inputs


@pytest.mark.parametrize("sent", [{}, {"form": "1", "input-topic": "Tea"}])
def test_a_run_whose_inputs_are_gone_says_that_it_cannot_be_repeated(
    visitor: Client, flow: Flow, sent: dict[str, str]
) -> None:
    out = Externalizer()
    run = make_run(flow, inputs=out.shrink_object({"topic": "x" * 300_000}, whole=False))
    response = again(visitor, run, **sent)
    assert response["Location"] == f"/runs/{run.id}/"
    assert "Start the flow anew" in visitor.get(response["Location"]).content.decode()


def test_the_flow_of_today_may_be_run_instead(
    visitor: Client, flow: Flow, dispatched: list[Run], actor: Actor
) -> None:
    run = make_run(flow, "failed")
    again(visitor, run, form="1", version="draft", **{"input-topic": "Tea"})
    made = newest(run)
    assert (made.version_id, made.snapshot_id is None) == (None, False)
    assert made.options["rerun"]["edited"] is True


def test_a_run_under_way_is_not_repeated(visitor: Client, flow: Flow) -> None:
    run = make_run(flow, "running")
    response = again(visitor, run)
    assert "not ended yet" in str(next(iter(get_messages(response.wsgi_request))))
    assert visitor.get(f"/runs/{run.id}/again/").status_code == 302
    assert not Run.objects.filter(rerun_of=run).exists()


def test_the_failed_items_of_a_map_are_run_again(
    visitor: Client, actor: Actor, dispatched: list[Run]
) -> None:
    rows = {"id": "rows", "type": "map", "config": {"items": "{{ start.topic | split(',') }}"}}
    nodes = [start_node("topic"), rows, {**llm("ask", "{{ item }}"), "parent": "rows"}, output(1)]
    flow = published(actor, document(nodes, ["start>rows", "rows>end"]))
    run = make_run(flow, "succeeded")
    for number, status in enumerate(("succeeded", "failed")):
        NodeRun.objects.create(
            run=run, node="ask", type="llm", path=["rows", number], status=status
        )
    page = visitor.get(f"/runs/{run.id}/").content.decode()
    assert page.count("Run the failed items again") == 1
    again(visitor, run, only_failed="1", **{"from": "rows"})
    asked = newest(run).options["rerun"]
    assert (asked["start"], asked["only_failed"]) == ("rows", True)


@pytest.mark.parametrize("part", ["pause/", "resume/", "again/", "progress/"])
def test_another_workspaces_run_is_not_steered(
    visitor: Client, flow: Flow, part: str, signals: list[str]
) -> None:
    workspace = Workspace.objects.create(name="Elsewhere", slug="elsewhere")
    Flow.objects.filter(pk=flow.pk).update(workspace=workspace)
    flow.refresh_from_db()
    run = make_run(flow, "failed")
    call = visitor.get if part == "progress/" else visitor.post
    assert call(f"/runs/{run.id}/{part}").status_code == 404
    assert visitor.get(f"/runs/{run.id}/steps/ask/iterations/").status_code == 404
    assert signals == []


def test_a_step_is_run_alone_with_what_came_before(
    visitor: Client, flow: Flow, dispatched: list[Run]
) -> None:
    run = make_run(flow, "failed")
    make_step(run, "start", output={"topic": "Tea"})
    make_step(run, "ask", "failed")
    page = visitor.get(f"/runs/{run.id}/").content.decode()
    assert page.count("Run only this") == 1
    response = visitor.post(f"/runs/{run.id}/only/", {"node": "ask"})
    made = Run.objects.exclude(pk=run.pk).get()
    assert response["Location"] == f"/runs/{made.id}/"
    assert made.options == {"only": "ask", "given": {"start": {"topic": "Tea"}}}
    assert (made.inputs, made.version) == ({"topic": "Tea"}, flow.published)
    assert [started.pk for started in dispatched] == [made.pk]
    assert visitor.post(f"/runs/{run.id}/only/", {"node": "nothing"}).status_code == 404


def test_a_large_output_is_given_by_reference_to_a_step_that_reads_it_and_is_not_loaded(
    visitor: Client, actor: Actor, dispatched: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(*_: Any) -> Any:
        raise AssertionError("a large value was loaded")

    nodes = [
        start_node("topic"),
        {**llm("big", "x"), "label": "The book"},
        llm("small", "{{ start.topic }}"),
        llm("reads", "{{ big.text }}"),
        {"id": "both", "type": "merge", "config": {}},
    ]
    flow = published(
        actor, document(nodes, ["start>big", "big>small", "small>reads", "big>both", "small>both"])
    )
    run = make_run(flow)
    out = Externalizer()
    large = out.shrink_object({"text": "x" * 40_000}, whole=False)
    save_blobs(flow.workspace_id, out.blobs)
    outputs = {"start": {"topic": "Tea"}, "big": large, "small": {"text": "y"}}
    for node, output_ in outputs.items():
        NodeRun.objects.create(run=run, node=node, type="llm", status="succeeded", output=output_)
    monkeypatch.setattr("execution.payloads.load_reference", loaded)
    visitor.post(f"/runs/{run.id}/only/", {"node": "small"})
    made = Run.objects.exclude(pk=run.pk).get()
    assert made.options == {"only": "small", "given": {"start": {"topic": "Tea"}}}
    given = {"reads": {"big": large}, "both": {"big": large, "small": {"text": "y"}}}
    for node, expected in given.items():
        visitor.post(f"/runs/{run.id}/only/", {"node": node})
        assert Run.objects.latest("created_at").options == {"only": node, "given": expected}
    assert len(dispatched) == 3


def test_a_run_of_a_part_shows_what_came_out_of_its_last_step(visitor: Client, flow: Flow) -> None:
    run = make_run(flow, options={"until": "ask"}, outputs={})
    make_step(run, "ask", output={"text": "Half way"})
    page = visitor.get(f"/runs/{run.id}/").content.decode()
    assert "Result of “ask”" in page
    assert "Half way" in visitor.get(f"/runs/{run.id}/result/").content.decode()
