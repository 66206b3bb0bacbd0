"""The pages that show flows with their runs: lists, a flow, a run and its parts."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Membership, User, Workspace
from accounts.permissions import Actor
from execution.models import Blob, NodeRun, Run, RunEvent
from execution.tests.flows_for_tests import document, llm, output, published, start_node
from flows.models import Flow
from flows.services import create_flow, update_flow


@pytest.fixture
def visitor(owner: tuple[User, Workspace]) -> Client:
    client = Client()
    client.force_login(owner[0])
    return client


@pytest.fixture
def flow(actor: Actor) -> Flow:
    nodes = [start_node("topic"), llm("ask", "{{ start.topic }}"), output("{{ ask.text }}")]
    return published(actor, document(nodes, ["start>ask", "ask>end"]))


@pytest.fixture
def dispatched(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Runs that were handed to Temporal, instead of handing them over."""
    runs: list[Run] = []
    monkeypatch.setattr("execution.services.dispatch", lambda run, *rest: runs.append(run))
    return runs


def make_run(flow: Flow, status: str = "succeeded", **fields: Any) -> Run:
    now = timezone.now()
    over = status not in ("queued", "running")
    fields = {
        "inputs": {"topic": "Tea"},
        "created_at": now - timedelta(seconds=9),
        "started_at": now - timedelta(seconds=9),
        "finished_at": now if over else None,
        **fields,
    }
    return Run.objects.create(
        workspace=flow.workspace, flow=flow, version=flow.published, status=status, **fields
    )


def make_step(run: Run, node: str, status: str = "succeeded", **fields: Any) -> NodeRun:
    types = {"start": "input", "ask": "llm", "end": "output"}
    times = {"started_at": run.started_at, "finished_at": timezone.now()}
    if status == "running":
        times["finished_at"] = None
    values = {"run": run, "node": node, "type": types[node], "status": status, **times, **fields}
    return NodeRun.objects.create(**values)


def htmx(visitor: Client, path: str) -> str:
    return visitor.get(path, headers={"HX-Request": "true"}).content.decode()


def test_the_list_shows_flows_with_their_last_run(visitor: Client, flow: Flow) -> None:
    make_run(flow, "failed")
    content = visitor.get("/").content.decode()
    assert flow.name in content
    assert "Failed" in content
    assert '<svg class="thumbnail"' in content


def test_searching_swaps_only_the_results(visitor: Client, flow: Flow, actor: Actor) -> None:
    create_flow(actor, name="Weekly digest")
    content = htmx(visitor, "/?q=digest")
    assert "Weekly digest" in content
    assert f"/flows/{flow.id}/" not in content
    assert "<html" not in content
    assert "No flow matches" in htmx(visitor, "/?q=nosuchflow")


def test_an_empty_workspace_is_offered_the_examples(visitor: Client) -> None:
    content = visitor.get("/").content.decode()
    assert "No flows yet" in content
    assert "Use this" in content


def test_the_list_takes_the_same_queries_for_many_flows(
    visitor: Client, actor: Actor, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        create_flow(actor, name=f"Flow {number}")
    with django_assert_max_num_queries(8):
        visitor.get("/")


def test_a_flows_page_has_picture_form_and_call(visitor: Client, flow: Flow) -> None:
    content = visitor.get(f"/flows/{flow.id}/").content.decode()
    assert content.count('class="node-card"') == 3
    assert 'name="input-topic"' in content
    assert f"/api/v1/flows/{flow.slug}/runs" in content
    assert "Published v1" in content


def test_a_flow_that_needs_a_model_says_how_to_connect_one(
    visitor: Client, flow: Flow, settings: Any
) -> None:
    settings.FLUX_LOCAL_MODEL_URL = ""
    assert b"--with-local-model" in visitor.get(f"/flows/{flow.id}/").content
    settings.FLUX_LOCAL_MODEL_URL = "http://127.0.0.1:1"
    assert b"--with-local-model" not in visitor.get(f"/flows/{flow.id}/").content


def test_a_changed_draft_is_shown_beside_the_published_version(
    visitor: Client, flow: Flow, actor: Actor
) -> None:
    update_flow(actor, flow, description="New words")
    content = visitor.get(f"/flows/{flow.id}/").content.decode()
    assert "Draft differs" in content
    assert 'name="version" value="published"' in content
    draft = visitor.get(f"/flows/{flow.id}/?version=draft").content.decode()
    assert 'name="version" value="draft"' in draft


def test_problems_of_a_draft_are_listed_and_its_cards_marked(visitor: Client, actor: Actor) -> None:
    nodes = [start_node("topic"), output("{{ strat.topic }}")]
    flow = create_flow(actor, document=document(nodes, ["start>end"]))
    content = visitor.get(f"/flows/{flow.id}/").content.decode()
    assert "Problems" in content
    assert "strat" in content
    assert "data-broken" in content
    assert "disabled" in content


def test_running_from_the_form_leads_to_the_run(
    visitor: Client, flow: Flow, dispatched: list[Run]
) -> None:
    response = visitor.post(
        f"/flows/{flow.id}/run/", {"version": "published", "input-topic": "Tea"}
    )
    run = Run.objects.get()
    assert response["Location"] == f"/runs/{run.id}/"
    assert run.inputs == {"topic": "Tea"}
    assert run.trigger == "page"
    assert [started.id for started in dispatched] == [run.id]


def test_a_swapped_form_leads_to_the_run_too(
    visitor: Client, flow: Flow, dispatched: list[Run]
) -> None:
    response = visitor.post(
        f"/flows/{flow.id}/run/", {"input-topic": "Tea"}, headers={"HX-Request": "true"}
    )
    assert response["HX-Redirect"] == f"/runs/{Run.objects.get().id}/"
    assert len(dispatched) == 1


def test_missing_inputs_come_back_at_their_fields(visitor: Client, flow: Flow) -> None:
    response = visitor.post(f"/flows/{flow.id}/run/", {}, headers={"HX-Request": "true"})
    content = response.content.decode()
    assert response.status_code == 422
    assert 'aria-invalid="true"' in content
    assert "<html" not in content
    whole = visitor.post(f"/flows/{flow.id}/run/", {})
    assert whole.status_code == 422
    assert "<html" in whole.content.decode()
    assert not Run.objects.exists()


def test_run_again_fills_the_form_with_the_inputs(visitor: Client, flow: Flow) -> None:
    run = make_run(flow, inputs={"topic": "Green tea"})
    content = visitor.get(f"/flows/{flow.id}/?again={run.id}").content.decode()
    assert ">Green tea</textarea>" in content


def test_viewers_see_a_flow_but_no_form(
    visitor: Client, flow: Flow, owner: tuple[User, Workspace]
) -> None:
    Membership.objects.filter(user=owner[0]).update(role="viewer")
    content = visitor.get(f"/flows/{flow.id}/").content.decode()
    assert 'id="run"' not in content
    assert visitor.post(f"/flows/{flow.id}/run/", {"input-topic": "x"}).status_code == 403


def test_runs_are_filtered_by_state_and_flow(visitor: Client, flow: Flow, actor: Actor) -> None:
    other = published(actor, document([start_node("x"), output(1)], ["start>end"], name="Other"))
    failed, good = make_run(flow, "failed"), make_run(other)
    assert str(good.id) in htmx(visitor, "/runs/")
    by_state = htmx(visitor, "/runs/?status=failed")
    assert str(failed.id) in by_state
    assert str(good.id) not in by_state
    by_flow = htmx(visitor, f"/runs/?flow={other.id}")
    assert str(failed.id) not in by_flow
    assert "No run matches" in htmx(visitor, "/runs/?status=waiting")
    assert visitor.get("/runs/?flow=nonsense&status=nonsense&page=99").status_code == 200


def test_a_finished_run_shows_result_steps_and_figures(visitor: Client, flow: Flow) -> None:
    run = make_run(
        flow, outputs={"end": "**Tea** <script>"}, input_tokens=12, output_tokens=34, last_seq=9
    )
    make_step(run, "start", ports=["out"])
    make_step(run, "ask", output={"text": "Tea"}, ports=["out"], attempt=2, model="a/b")
    make_step(run, "end", ports=["out"])
    content = visitor.get(f"/runs/{run.id}/").content.decode()
    assert "<strong>Tea</strong> &lt;script&gt;" in content
    assert "12 → 34" in content
    assert "Attempt 2" in content
    assert content.count('data-flow="live"') == 2
    assert "<title>Succeeded · Test · FluxPrompt</title>" in content
    assert "data-ended" in content


def test_a_failed_run_says_the_cause_and_what_was_never_reached(
    visitor: Client, flow: Flow
) -> None:
    error = {
        "code": "model_auth",
        "message": "The key was refused.",
        "node": "ask",
        "field": "model",
    }
    run = make_run(flow, "failed", error=error)
    make_step(run, "start", ports=["out"])
    make_step(run, "ask", "failed", error=error)
    content = visitor.get(f"/runs/{run.id}/").content.decode()
    assert "“ask” failed" in content or "Language model” failed" in content
    assert "The key was refused." in content
    assert 'href="#step-ask"' in content
    assert "Not reached" in content


def test_a_running_run_shows_what_has_streamed_and_where_to_go_on(
    visitor: Client, flow: Flow
) -> None:
    run = make_run(flow, "running", last_seq=7)
    make_step(run, "start", ports=["out"])
    make_step(run, "ask", "running", attempt=2)
    pieces = [(1, 0, "Old "), (2, 0, "Tea is "), (2, 7, "good"), (2, 9, "od."), (2, 40, "lost")]
    for seq, (attempt, offset, text) in enumerate(pieces, start=2):
        data = {"attempt": attempt, "offset": offset, "text": text}
        RunEvent.objects.create(
            run=run,
            seq=seq,
            key=str(seq),
            at=timezone.now(),
            type="node.delta",
            node="ask",
            data=data,
        )
    content = visitor.get(f"/runs/{run.id}/").content.decode()
    assert 'data-length="12">Tea is good.</span>' in content
    assert 'data-seq="7"' in content
    assert "It appears here when the run ends" in content
    assert 'data-flow="active"' in content


def test_the_result_is_fetched_when_the_run_ends(visitor: Client, flow: Flow) -> None:
    run = make_run(flow, outputs={"end": {"answer": "Tea", "sure": True}})
    make_step(run, "start", ports=["out"])
    content = visitor.get(f"/runs/{run.id}/result/").content.decode()
    assert "Tea" in content
    assert '"edge-0"' in content
    assert "<html" not in content


def test_a_step_and_its_values_are_fetched_one_by_one(visitor: Client, flow: Flow) -> None:
    run = make_run(flow)
    make_step(run, "ask", "failed", error={"code": "busy", "message": "Too busy."})
    make_step(run, "ask", attempt=2, input={"prompt": "Tea"}, output={"text": "<b>Tea</b>"})
    step = visitor.get(f"/runs/{run.id}/steps/ask/").content.decode()
    assert 'data-attempt="2"' in step
    values = htmx(visitor, f"/runs/{run.id}/nodes/ask/")
    assert "&quot;prompt&quot;: &quot;Tea&quot;" in values
    assert "Too busy." in values
    assert "&lt;b&gt;Tea&lt;/b&gt;" in values
    assert "<html" in visitor.get(f"/runs/{run.id}/nodes/ask/").content.decode()
    assert visitor.get(f"/runs/{run.id}/nodes/nosuch/").status_code == 404
    assert "has not run" in htmx(visitor, f"/runs/{run.id}/nodes/end/")


def test_whole_values_are_files_never_pages(visitor: Client, flow: Flow) -> None:
    run = make_run(flow)
    make_step(run, "ask", output={"text": "<script>alert(1)</script>"})
    whole = visitor.get(f"/runs/{run.id}/nodes/ask/output.json")
    assert whole.json() == {"text": "<script>alert(1)</script>"}
    Blob.objects.create(
        workspace=flow.workspace, digest="d" * 64, kind="text", size=8, data=b"<script>"
    )
    large = visitor.get(f"/runs/{run.id}/values/{'d' * 64}/")
    for response in (whole, large):
        assert response["Content-Disposition"].startswith("attachment")
        assert response["X-Content-Type-Options"] == "nosniff"
    assert large.content == b"<script>"
    assert large["Content-Type"].startswith("text/plain")
    assert visitor.get(f"/runs/{run.id}/nodes/ask/input.json").status_code == 404
    assert visitor.get(f"/runs/{run.id}/values/{'e' * 64}/").status_code == 404


def test_cancelling_asks_the_service_and_says_a_conflict(
    visitor: Client, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Run] = []
    monkeypatch.setattr("execution.services.request_cancel", lambda run: asked.append(run) or True)
    run = make_run(flow, "running")
    assert visitor.post(f"/runs/{run.id}/cancel/").status_code == 302
    assert [entry.id for entry in asked] == [run.id]
    over = make_run(flow)
    response = visitor.post(f"/runs/{over.id}/cancel/", follow=True)
    assert "ended already" in str(next(iter(response.context["messages"])))


PARTS = ("", "result/", "steps/ask/", "nodes/ask/", "nodes/ask/output.json", f"values/{'d' * 64}/")


@pytest.mark.parametrize("part", PARTS)
def test_another_workspaces_run_is_not_found(visitor: Client, flow: Flow, part: str) -> None:
    workspace = Workspace.objects.create(name="Elsewhere", slug="elsewhere")
    Flow.objects.filter(pk=flow.pk).update(workspace=workspace)
    flow.refresh_from_db()
    run = make_run(flow)
    assert visitor.get(f"/runs/{run.id}/{part}").status_code == 404
    assert visitor.get(f"/flows/{flow.id}/").status_code == 404
    assert visitor.post(f"/flows/{flow.id}/run/").status_code == 404
    assert visitor.post(f"/runs/{run.id}/cancel/").status_code == 404


def test_hostile_names_stay_text(visitor: Client, actor: Actor) -> None:
    evil = "<script>alert(1)</script>"
    nodes = [{**start_node("x"), "label": evil}, {**output(evil), "label": evil}]
    flow = published(actor, document(nodes, ["start>end"], name=evil, description=evil))
    run = make_run(flow, outputs={"end": evil}, error={"code": evil, "message": evil})
    for path in ("/", f"/flows/{flow.id}/", "/runs/", f"/runs/{run.id}/"):
        assert evil not in visitor.get(path).content.decode()


def test_pages_carry_no_inline_script_or_style(visitor: Client, flow: Flow) -> None:
    run = make_run(flow)
    for path in ("/", f"/flows/{flow.id}/", "/runs/", f"/runs/{run.id}/", "/accounts/2fa/"):
        response = visitor.get(path)
        content = response.content.decode()
        assert " style=" not in content
        assert " onclick=" not in content
        assert "unsafe-inline" not in response["Content-Security-Policy"]
        for script in content.split("<script")[1:]:
            assert (
                'src="' in script.split(">")[0] or 'type="application/json"' in script.split(">")[0]
            )
