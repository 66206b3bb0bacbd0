"""The buttons on the pages of flows: create, publish, restore, rename, delete, download."""

import json

import pytest
import yaml
from django.test import Client

from accounts.models import Membership, User, Workspace
from accounts.permissions import Actor
from flows.models import Flow
from flows.services import create_flow, publish_flow, update_flow
from flows.tests.fixtures import GREETING
from flows.views.examples import examples


@pytest.fixture
def flow(actor: Actor) -> Flow:
    return create_flow(actor, document=GREETING)


def _said(response: object) -> list[str]:
    return [str(message) for message in response.context["messages"]]  # type: ignore[attr-defined]


def test_a_flow_starts_empty_with_a_name(visitor: Client) -> None:
    response = visitor.post("/flows/new/", {"name": "Mine"})
    flow = Flow.objects.get(name="Mine")
    assert response["Location"] == f"/flows/{flow.id}/"


@pytest.mark.parametrize("name", ["x" * 201, "a\0b"])
def test_a_flow_with_a_name_that_cannot_be_kept_is_not_made(
    visitor: Client, without_examples: None, name: str
) -> None:
    response = visitor.post("/flows/new/", {"name": name}, follow=True)
    assert response.status_code == 200
    assert _said(response)[0].startswith("Not created: ")
    assert not Flow.objects.exists()


def test_a_flow_starts_from_an_example(visitor: Client) -> None:
    key = examples()[0].key
    visitor.post("/flows/new/", {"example": key})
    assert Flow.objects.get().name == examples()[0].document.name


def test_an_example_that_is_gone_is_said(visitor: Client) -> None:
    response = visitor.post("/flows/new/", {"example": "nosuch"}, follow=True)
    assert "does not exist any more" in _said(response)[0]
    assert not Flow.objects.exists()


def test_publishing_makes_a_version(visitor: Client, flow: Flow) -> None:
    response = visitor.post(f"/flows/{flow.id}/publish/", follow=True)
    flow.refresh_from_db()
    assert flow.published is not None
    assert flow.published.number == 1
    assert _said(response) == ["Version 1 is published."]


def test_a_draft_with_errors_is_not_published_and_the_problem_is_named(
    visitor: Client, actor: Actor
) -> None:
    flow = create_flow(actor, name="Broken")
    flow.nodes.filter(key="start").delete()
    response = visitor.post(f"/flows/{flow.id}/publish/", follow=True)
    assert _said(response)[0].startswith("Not published: ")
    flow.refresh_from_db()
    assert flow.published is None


def test_an_earlier_version_becomes_the_draft_again(
    visitor: Client, flow: Flow, actor: Actor
) -> None:
    publish_flow(actor, flow)
    update_flow(actor, flow, name="Later")
    visitor.post(f"/flows/{flow.id}/versions/1/restore/")
    flow.refresh_from_db()
    assert flow.name == "Greeting"
    assert visitor.post(f"/flows/{flow.id}/versions/7/restore/").status_code == 404


def test_name_and_description_are_changed(visitor: Client, flow: Flow) -> None:
    visitor.post(f"/flows/{flow.id}/rename/", {"name": " Hello ", "description": "Says it."})
    flow.refresh_from_db()
    assert (flow.name, flow.description) == ("Hello", "Says it.")
    response = visitor.post(f"/flows/{flow.id}/rename/", {"name": ""}, follow=True)
    assert "1 to 200 characters" in _said(response)[0]


def test_a_flow_is_deleted(visitor: Client, flow: Flow) -> None:
    response = visitor.post(f"/flows/{flow.id}/delete/", follow=True)
    assert not Flow.objects.exists()
    assert "was deleted" in _said(response)[0]


def test_the_draft_and_a_version_are_downloaded(visitor: Client, flow: Flow, actor: Actor) -> None:
    publish_flow(actor, flow)
    update_flow(actor, flow, name="Later")
    draft = visitor.get(f"/flows/{flow.id}/document.json")
    assert json.loads(draft.content)["name"] == "Later"
    assert "attachment" in draft["Content-Disposition"]
    version = visitor.get(f"/flows/{flow.id}/document.yaml?version=1")
    assert yaml.safe_load(version.content)["name"] == "Greeting"
    for number in ("9", "x", "1%0A", "+1", "9" * 30):
        missing = visitor.get(f"/flows/{flow.id}/document.json?version={number}")
        assert missing.status_code == 404, number


ACTIONS = ("publish/", "rename/", "delete/", "versions/1/restore/")


@pytest.mark.parametrize("action", ACTIONS)
def test_another_workspaces_flow_is_not_found(
    visitor: Client, action: str, without_examples: None
) -> None:
    workspace = Workspace.objects.create(name="Elsewhere", slug="elsewhere")
    flow = Flow.objects.create(workspace=workspace, name="Theirs", slug="theirs")
    assert visitor.post(f"/flows/{flow.id}/{action}").status_code == 404
    assert Flow.objects.filter(pk=flow.pk).exists()


@pytest.mark.parametrize("action", ACTIONS)
def test_a_viewer_changes_nothing(
    visitor: Client, flow: Flow, owner: tuple[User, Workspace], actor: Actor, action: str
) -> None:
    publish_flow(actor, flow)
    Membership.objects.filter(user=owner[0]).update(role="viewer")
    response = visitor.post(f"/flows/{flow.id}/{action}", {"name": "Taken"})
    assert response.status_code == 403
    assert b"Your role does not allow" in response.content
    flow.refresh_from_db()
    assert flow.name == "Greeting"


def test_strangers_are_sent_to_sign_in(flow: Flow) -> None:
    for path in ("/", f"/flows/{flow.id}/document.json", "/runs/"):
        response = Client().get(path)
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")


def test_actions_want_a_post(visitor: Client, flow: Flow) -> None:
    for action in (*ACTIONS, "run/"):
        assert visitor.get(f"/flows/{flow.id}/{action}").status_code == 405
