"""The document a run ran stays with it, whatever becomes of the flow."""

from typing import Any

import pytest
import yaml
from django.db.models import RestrictedError
from django.test import Client

from accounts.permissions import Actor
from execution.models import Run
from execution.tests.flows_for_tests import document, output, start_node
from execution.tests.pages_for_tests import make_run
from flows.engine.document import parse
from flows.models import Flow, FlowVersion
from flows.services import delete_flow, publish_flow, replace_draft
from flows.tests.fixtures import Api, assert_problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def changed(actor: Actor, flow: Flow) -> Run:
    """A run of a version that was replaced since."""
    run = make_run(flow)
    other = document([start_node("topic"), output("Something else")], ["start>end"])
    replace_draft(actor, flow, parse(other))
    publish_flow(actor, flow)
    return run


def nodes(content: dict[str, Any]) -> list[str]:
    return [node["id"] for node in content["nodes"]]


def test_a_run_shows_the_version_it_ran(api: Api, changed: Run) -> None:
    answer = api.get(f"/runs/{changed.id}/document")
    assert answer["Content-Type"] == "application/json"
    assert nodes(answer.json()) == ["start", "ask", "end"]
    assert nodes(api.get(f"/flows/{changed.flow_id}/document").json()) == ["start", "end"]


@pytest.mark.parametrize("asked", [{"Accept": "application/yaml"}, {}], ids=["header", "query"])
def test_a_run_shows_its_document_as_yaml(api: Api, changed: Run, asked: dict[str, str]) -> None:
    answer = api.get(f"/runs/{changed.id}/document{'' if asked else '?format=yaml'}", **asked)
    assert answer["Content-Type"] == "application/yaml; charset=utf-8"
    assert nodes(yaml.safe_load(answer.content)) == ["start", "ask", "end"]


def test_a_run_of_a_draft_shows_the_draft_as_it_was(
    api: Api, actor: Actor, flow: Flow, dispatched: list[Run]
) -> None:
    body = {"inputs": {"topic": "Tea"}, "version": "draft"}
    run = api.post(f"/flows/{flow.slug}/runs", body).json()["id"]
    replace_draft(actor, flow, parse(document([start_node("x"), output("y")], ["start>end"])))
    assert nodes(api.get(f"/runs/{run}/document").json()) == ["start", "ask", "end"]


def test_a_key_that_may_not_read_flows_gets_no_document(make_api: Any, changed: Run) -> None:
    assert_problem(
        make_api("runs:read").get(f"/runs/{changed.id}/document"), 403, "permission_refused"
    )


def test_an_unknown_format_is_refused(api: Api, changed: Run) -> None:
    assert_problem(api.get(f"/runs/{changed.id}/document?format=xml"), 400, "bad_parameter")


def test_the_page_of_a_run_links_to_the_flow_as_it_ran(visitor: Client, changed: Run) -> None:
    page = visitor.get(f"/runs/{changed.id}/").content.decode()
    address = f"/runs/{changed.id}/flow.yaml"
    assert address in page
    answer = visitor.get(address)
    assert nodes(yaml.safe_load(answer.content)) == ["start", "ask", "end"]
    assert answer["Content-Disposition"] == f'attachment; filename="{changed.flow.slug}.yaml"'


def test_a_version_is_kept_while_a_run_of_it_is(actor: Actor, changed: Run) -> None:
    versions = FlowVersion.objects.filter(flow_id=changed.flow_id)
    with pytest.raises(RestrictedError):
        versions.filter(number=1).delete()
    delete_flow(actor, changed.flow)
    assert not Run.objects.filter(id=changed.id).exists()
    assert not versions.exists()
