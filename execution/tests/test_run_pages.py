"""The pages of runs: the list, a run, and the parts of it that are fetched one by one."""

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Workspace
from accounts.permissions import Actor
from execution.blobs import NewBlob, save_blobs
from execution.live.consumers import _snapshot
from execution.models import Run, RunEvent
from execution.recording import node_key
from execution.tests.flows_for_tests import document, output, published, start_node
from execution.tests.pages_for_tests import htmx, make_run, make_step
from flows.models import Flow


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
        "attempt": 3,
        "max_attempts": 4,
        "path": ["rows", 3],
    }
    run = make_run(flow, "failed", error=error)
    make_step(run, "start", ports=["out"])
    make_step(run, "ask", "failed", error=error)
    content = visitor.get(f"/runs/{run.id}/").content.decode()
    assert "“ask” failed" in content or "Language model” failed" in content
    assert "The key was refused." in content
    assert content.count("attempt 3 of 4") == 2
    assert "<code>rows.3</code>" in content
    assert 'href="#step-ask"' in content
    assert "Not reached" in content


def test_a_failure_that_is_tried_again_is_no_end(visitor: Client, flow: Flow) -> None:
    error = {"code": "busy", "message": "Too busy just now."}
    run = make_run(flow, "running")
    make_step(run, "start", ports=["out"])
    row = make_step(run, "ask", "failed", error=error)
    content = visitor.get(f"/runs/{run.id}/").content.decode()
    assert 'data-step="ask" data-state="retrying"' in content
    assert "Attempt 1 failed" in content
    assert "Too busy" not in content
    assert 'data-flow="broken"' not in content
    step = visitor.get(f"/runs/{run.id}/steps/ask/").content.decode()
    assert 'data-state="retrying"' in step
    states = {node["node"]: node["status"] for node in _snapshot(run)["nodes"]}
    assert states == {"start": "succeeded", "ask": "retrying"}
    # The event says that the failure counts, as does the end of the run.
    key = node_key("finished", row.node, row.path, row.attempt)
    event = RunEvent(run=run, seq=9, key=key, at=timezone.now(), type="node.finished", node="ask")
    event.save(force_insert=True)
    assert "Too busy just now." in visitor.get(f"/runs/{run.id}/").content.decode()
    event.delete()
    Run.objects.filter(pk=run.pk).update(status="timed_out")
    assert "Too busy just now." in visitor.get(f"/runs/{run.id}/").content.decode()


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
    save_blobs(flow.workspace_id, [NewBlob("d" * 64, "text", b"<script>")])
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

    def reached(run: Run) -> bool:
        asked.append(run)
        return True

    monkeypatch.setattr("execution.services.request_cancel", reached)
    run = make_run(flow, "running")
    assert visitor.post(f"/runs/{run.id}/cancel/").status_code == 302
    assert [entry.id for entry in asked] == [run.id]
    over = make_run(flow)
    response = visitor.post(f"/runs/{over.id}/cancel/", follow=True)
    assert "ended already" in str(next(iter(response.context["messages"])))


def test_what_went_into_the_steps_is_not_read_for_a_view_of_the_run(
    visitor: Client, flow: Flow, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    run = make_run(flow, "running")
    make_step(run, "start", input={"large": "x"}, ports=["out"])
    make_step(run, "ask", "failed", input={"large": "x"}, error={"code": "busy", "message": "-"})
    make_step(run, "end", "running", input={"large": "x"})
    visitor.get(f"/runs/{run.id}/")
    with django_assert_num_queries(8) as page:
        visitor.get(f"/runs/{run.id}/")
    with django_assert_num_queries(4) as snapshot:
        _snapshot(run)
    for query in (*page.captured_queries, *snapshot.captured_queries):
        assert '"execution_noderun"."input"' not in query["sql"]


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
