"""The pages of flows with their runs: the list, a flow, the form that runs it."""

from typing import Any

from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Membership, User, Workspace
from accounts.permissions import Actor
from execution.models import Run
from execution.tests.flows_for_tests import document, output, start_node
from execution.tests.pages_for_tests import htmx, make_run
from flows.models import Flow
from flows.services import create_flow, update_flow


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
    with django_assert_max_num_queries(11):
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


def test_a_flow_is_run_up_to_a_step(visitor: Client, flow: Flow, dispatched: list[Run]) -> None:
    content = visitor.get(f"/flows/{flow.id}/").content.decode()
    assert '<option value="ask">ask</option>' in content
    assert '<option value="end">' not in content
    visitor.post(f"/flows/{flow.id}/run/", {"input-topic": "Tea", "until": "ask"})
    assert dispatched[0].options == {"until": "ask"}
    wrong = visitor.post(f"/flows/{flow.id}/run/", {"input-topic": "Tea", "until": "nowhere"})
    assert wrong.status_code == 422
    assert "no node &#x27;nowhere&#x27;" in wrong.content.decode()
