"""Two runs side by side, a run on the canvas of its flow as it was, and who may see them."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, User, Workspace
from accounts.permissions import Actor
from execution.comparing import MOST_LINES, MOST_PLACES, MOST_SHOWN, output_differences
from execution.models import Run
from execution.tests.flows_for_tests import document, llm, new_actor, output, published, start_node
from execution.tests.pages_for_tests import make_run, make_step
from flows.models import Flow
from flows.queries import draft_document
from flows.services import publish_flow, replace_draft

JSON = Any


def _blob(letter: str, size: int) -> dict[str, JSON]:
    return {"$blob": letter * 64, "kind": "text", "size": size, "preview": "…"}


@pytest.fixture
def two(flow: Flow) -> tuple[Run, Run]:
    """Two runs that end alike but for what `ask` gave, and that the second one failed at `end`."""
    left = make_run(flow, inputs={"topic": "Tea"})
    broke = {"code": "x", "message": "It broke."}
    right = make_run(flow, "failed", inputs={"topic": "Coffee"}, error=broke)
    for run, text in ((left, "one"), (right, "two")):
        make_step(run, "start", output={"topic": run.inputs["topic"]})
        make_step(run, "ask", output={"text": text, "more": _blob("a", 5_000_000)})
    make_step(left, "end", output={"value": "one"})
    make_step(right, "end", "failed", error=broke)
    return left, right


def _page(visitor: Client, left: Run, right: Run) -> str:
    return visitor.get(f"/runs/compare/?a={left.id}&b={right.id}").content.decode()


def _state(content: str) -> JSON:
    found = re.search(r'<script id="flow-state" type="application/json">(.*?)</script>', content)
    assert found is not None
    return json.loads(found.group(1))


def test_values_that_differ_are_told_by_place_and_equal_ones_are_not() -> None:
    found = output_differences(
        {"a": 1, "b": [1, {"c": "x"}]}, {"a": 1, "b": [1, {"c": "y"}], "d": 0}
    )
    assert [(one.path, one.left.text, one.right.text) for one in found] == [
        ("b[1].c", "x", "y"),
        ("d", None, "0"),
    ]


def test_large_values_are_compared_by_their_digests_and_told_by_size() -> None:
    assert output_differences({"a": _blob("a", 9)}, {"a": _blob("a", 9)}) == []
    (found,) = output_differences({"a": _blob("a", 9)}, {"a": "small"})
    assert (found.left.digest, found.left.size, found.left.text) == ("a" * 64, 9, None)
    assert found.right.text == "small"


def test_texts_of_several_lines_are_compared_line_by_line() -> None:
    (found,) = output_differences({"text": "a\nb\nc"}, {"text": "a\nB\nc"})
    assert "-b" in found.lines
    assert "+B" in found.lines


def test_no_more_places_are_told_than_can_be_read() -> None:
    found = output_differences(dict.fromkeys("x" * 1, 0), {f"k{n}": n for n in range(100)})
    assert len(found) == MOST_PLACES == 40


def test_long_values_are_cut_and_long_texts_not_compared_by_line() -> None:
    (found,) = output_differences({"text": "a\n" * MOST_LINES}, {"text": "b\n" * 900})
    assert found.lines == ()
    assert found.left.text == ("a\n" * MOST_LINES)[:MOST_SHOWN]
    (found,) = output_differences("x" * 5_000, "y")
    assert (found.left.text, found.left.cut) == ("x" * MOST_SHOWN, True)
    assert (MOST_SHOWN, MOST_LINES) == (2_000, 600)


def test_the_page_marks_what_went_otherwise_and_shows_both_values(
    visitor: Client, two: tuple[Run, Run]
) -> None:
    content = _page(visitor, *two)
    assert "3 steps went otherwise" in content
    assert content.count('class="pair-side"') == 6
    assert re.search(r"<code>one</code>.*?<code>two</code>", content, re.S)
    assert "Coffee" in content
    assert "It broke." in content
    assert "5.0 MB" not in content


def test_two_runs_of_changed_flows_show_nodes_that_only_one_of_them_has(
    visitor: Client, actor: Actor, flow: Flow
) -> None:
    left = make_run(flow)
    nodes = [start_node("topic"), llm("other", "{{ start.topic }}"), output("{{ other.text }}")]
    changed = document(nodes, ["start>other", "other>end"])
    replace_draft(actor, flow, changed, expected_revision=flow.revision)
    publish_flow(actor, flow)
    flow.refresh_from_db()
    content = _page(visitor, left, make_run(flow))
    assert 'data-node="ask"' in content
    assert 'data-node="other"' in content
    assert content.count("not there") == 4


def test_ticked_runs_are_compared_the_older_one_first(
    visitor: Client, two: tuple[Run, Run]
) -> None:
    left, right = two
    Run.objects.filter(pk=left.pk).update(created_at=right.finished_at)
    answer = visitor.get(f"/runs/compare/?run={left.id}&run={right.id}")
    assert answer.headers["Location"] == f"/runs/compare/?a={right.id}&b={left.id}"
    alone = visitor.get(f"/runs/compare/?run={left.id}", follow=True).content.decode()
    assert "Tick two runs" in alone


def test_one_run_alone_offers_the_others_of_its_flow(
    visitor: Client, two: tuple[Run, Run], actor: Actor
) -> None:
    left, right = two
    other = make_run(published(actor, document([start_node("topic")], [])))
    content = visitor.get(f"/runs/compare/?a={left.id}").content.decode()
    assert f"a={left.id}&amp;b={right.id}" in content
    assert str(other.id) not in content


def test_runs_of_two_flows_or_of_others_cannot_be_compared(
    visitor: Client, two: tuple[Run, Run], actor: Actor
) -> None:
    left, right = two
    beside = make_run(published(actor, document([start_node("topic")], [])))
    foreign = make_run(published(new_actor(), document([start_node("topic")], [])))
    for a, b in ((left, beside), (left, foreign), (foreign, right)):
        assert visitor.get(f"/runs/compare/?a={a.id}&b={b.id}").status_code == 404
    assert visitor.get(f"/runs/compare/?a={left.id}&b=x").status_code == 404
    assert visitor.get("/runs/compare/").status_code == 404
    assert Client().get(f"/runs/compare/?a={left.id}&b={right.id}").status_code == 302


def test_a_run_that_was_is_shown_on_the_flow_of_then_and_nothing_can_be_changed(
    visitor: Client, actor: Actor, flow: Flow
) -> None:
    run = make_run(flow)
    nodes = [start_node("topic"), output("{{ start.topic }}")]
    changed = document(nodes, ["start>end"])
    replace_draft(actor, flow, changed, expected_revision=flow.revision)
    content = visitor.get(f"/flows/{flow.id}/edit/?run={run.id}").content.decode()
    state = _state(content)
    assert [node["id"] for node in state["document"]["nodes"]] == ["start", "ask", "end"]
    assert state["past"] == str(run.id)
    assert "data-read-only" in content
    assert "Back to the draft" in content
    assert 'data-command="publish"' not in content
    assert [node.id for node in draft_document(flow).nodes] == ["start", "end"]


def test_the_panel_of_a_run_that_was_has_the_form_and_data_of_then(
    visitor: Client, actor: Actor, flow: Flow
) -> None:
    run = make_run(flow)
    make_step(run, "start", output={"topic": "Tea"})
    make_step(run, "ask", output={"text": "one"})
    nodes = [start_node("topic"), output("{{ start.topic }}")]
    replace_draft(actor, flow, document(nodes, ["start>end"]), expected_revision=flow.revision)
    about = f"run={run.id}&then=1"
    form = visitor.get(f"/flows/{flow.id}/nodes/ask/form/?{about}").content.decode()
    assert "{{ start.topic }}" in form
    assert '<fieldset class="inspector-fields" disabled>' in form
    data = visitor.get(f"/flows/{flow.id}/nodes/ask/data/?{about}&of=input").json()
    assert [child["key"] for child in data["children"]] == ["start"]
    assert visitor.get(f"/flows/{flow.id}/nodes/ask/form/").status_code == 404


def test_a_run_of_another_flow_or_workspace_is_not_shown_on_a_canvas(
    visitor: Client, flow: Flow, actor: Actor
) -> None:
    beside = make_run(published(actor, document([start_node("topic")], [])))
    foreign = make_run(published(new_actor(), document([start_node("topic")], [])))
    for run in (beside, foreign):
        assert visitor.get(f"/flows/{flow.id}/edit/?run={run.id}").status_code == 404
    assert visitor.get(f"/flows/{flow.id}/edit/?run=x").status_code == 404


def test_the_editor_tells_which_run_of_this_person_goes_on(
    visitor: Client, flow: Flow, owner: tuple[User, Workspace]
) -> None:
    address = f"/flows/{flow.id}/edit/"
    make_run(flow, "running", trigger="api", created_by=owner[0])
    make_run(flow, "running", trigger="page")
    make_run(flow, "succeeded", trigger="page", created_by=owner[0])
    assert _state(visitor.get(address).content.decode())["open_run"] == ""
    mine = make_run(flow, "waiting", trigger="page", created_by=owner[0])
    assert _state(visitor.get(address).content.decode())["open_run"] == str(mine.id)


def test_the_newest_runs_are_listed_with_where_they_are_shown(
    visitor: Client, flow: Flow, actor: Actor
) -> None:
    run = make_run(flow, "failed")
    make_run(published(actor, document([start_node("topic")], [])))
    found = visitor.get(f"/flows/{flow.id}/recent-runs/").json()
    assert found["all"] == f"/runs/?flow={flow.id}"
    (entry,) = found["runs"]
    assert entry == {
        "id": str(run.id),
        "state": "failed",
        "word": "Failed",
        "when": "9 s ago",
        "what": "v1",
        "url": f"/flows/{flow.id}/edit/?run={run.id}",
    }


def test_a_part_asks_for_inputs_where_there_is_no_run_to_take_them_from(
    visitor: Client, flow: Flow, dispatched: list[Run]
) -> None:
    address = f"/flows/{flow.id}/edit/run/"
    asked = visitor.post(address, {"until": "ask"})
    assert asked.status_code == 422
    assert "input-topic" in asked.content.decode()
    assert "field-error" not in asked.content.decode()
    answer = visitor.post(address, {"until": "ask", "asked": "1", "input-topic": "Tea"})
    (run,) = dispatched
    assert answer.headers["HX-Redirect"] == f"/runs/{run.id}/"
    assert (run.options["until"], run.inputs) == ("ask", {"topic": "Tea"})


def test_a_run_is_repeated_from_a_node_on_as_the_draft_is_or_as_it_ran(
    visitor: Client, flow: Flow, dispatched: list[Run]
) -> None:
    run = make_run(flow)
    address = f"/flows/{flow.id}/edit/run/"
    visitor.post(address, {"from": "ask", "run": str(run.id)})
    visitor.post(address, {"from": "ask", "run": str(run.id), "as_it_ran": "1"})
    draft, same = dispatched
    assert (draft.rerun_of_id, draft.options["rerun"]["start"]) == (run.id, "ask")
    assert draft.snapshot_id is not None
    assert same.version_id == run.version_id


def test_a_repeated_run_asks_for_what_the_draft_wants_more_and_still_begins_at_the_node(
    visitor: Client, flow: Flow, actor: Actor, dispatched: list[Run]
) -> None:
    run = make_run(flow)
    nodes = [start_node("topic", "tone"), llm("ask", "{{ start.tone }}"), output("{{ ask.text }}")]
    replace_draft(actor, flow, document(nodes, ["start>ask", "ask>end"]))
    address = f"/flows/{flow.id}/edit/run/"
    again = {"from": "ask", "run": str(run.id)}
    refused = visitor.post(address, again)
    assert refused.status_code == 422
    assert "input-tone" in refused.content.decode()
    assert not dispatched
    given = {"input-topic": "Tea", "input-tone": "kind"}
    answer = visitor.post(address, {**again, "asked": "1", **given})
    (made,) = dispatched
    assert answer.headers["HX-Redirect"] == f"/runs/{made.id}/"
    assert made.options["rerun"]["start"] == "ask"
    assert made.inputs == {"topic": "Tea", "tone": "kind"}


def test_a_run_that_goes_on_is_not_repeated(visitor: Client, flow: Flow) -> None:
    run = make_run(flow, "running")
    answer = visitor.post(f"/flows/{flow.id}/edit/run/", {"from": "ask", "run": str(run.id)})
    assert answer.status_code == 422
    assert "has not ended yet" in answer.content.decode()


def test_who_may_only_look_starts_nothing_from_a_run_that_was(
    visitor: Client, flow: Flow, owner: tuple[User, Workspace]
) -> None:
    run = make_run(flow)
    Membership.objects.filter(user=owner[0]).update(role="viewer")
    asked = {"from": "ask", "run": str(run.id)}
    assert visitor.post(f"/flows/{flow.id}/edit/run/", asked).status_code == 403
    assert visitor.get(f"/flows/{flow.id}/edit/?run={run.id}").status_code == 200


def test_inputs_that_are_no_longer_stored_are_said_and_nothing_starts(
    visitor: Client, flow: Flow, dispatched: list[Run]
) -> None:
    gone = {"$blob": "0" * 64, "kind": "text", "size": 9_000, "preview": "T"}
    make_run(flow, inputs={"topic": gone})
    answer = visitor.post(f"/flows/{flow.id}/edit/run/", {"until": "ask"})
    assert answer.status_code == 422
    assert "no longer stored" in answer.content.decode()
    assert not dispatched
