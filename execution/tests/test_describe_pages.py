"""The pages on which a flow is drafted from words."""

import json
import time
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, Role, User, Workspace
from execution.models import Run
from flows.models import Flow
from flows.queries import draft_document
from flows.services import create_flow, starter, update_flow
from tests.support.visitor import new_visitor

JSON = Any
pytestmark = pytest.mark.usefixtures("stack", "models")


class Asked:
    """A signed-in builder with a flow and a model that says what it is asked."""

    def __init__(self, model: str = "openai_compatible/echo") -> None:
        self.visitor = new_visitor()
        self.user = User.objects.get(email=self.visitor.email)
        self.actor = self.visitor.actor
        self.use(model)
        self.flow: Flow = create_flow(self.actor, name="Mine")
        self.client = Client()
        self.client.force_login(self.user)
        self.address = f"/flows/{self.flow.id}/describe/"

    def use(self, model: str) -> None:
        Workspace.objects.filter(id=self.actor.workspace_id).update(default_model=model)

    def ask(self, wish: str) -> str:
        """Ask; the address of the answer once its run has ended."""
        answer = self.client.post(self.address, {"wish": wish})
        assert answer.status_code == 302, answer.content.decode()[:500]
        return self.settled(answer["Location"])

    def settled(self, address: str) -> str:
        run_id = address.rstrip("/").rpartition("/")[2]
        deadline = time.monotonic() + 60
        while not Run.objects.get(id=run_id).ended:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return address


def wish(*more: JSON) -> str:
    document = starter("Theirs")
    document["nodes"] += more
    document["edges"] += [{"from": "start", "to": node["id"]} for node in more]
    return f"Do this: {json.dumps(document | {'layout': {}})}"


SHOUT = {"id": "shout", "type": "output", "config": {"value": "{{ start.text | upper }}"}}


def test_what_would_change_is_shown_before_anything_does_and_then_used() -> None:
    asked = Asked()
    before = asked.flow.revision
    address = asked.ask(wish(SHOUT))
    page = asked.client.get(address).content.decode()
    assert "1 step added" in page
    assert "shout" in page
    assert [node.id for node in draft_document(asked.flow).nodes] == ["start", "result"]
    assert asked.client.post(f"{address}use/", {"revision": "²"}).status_code == 404
    done = asked.client.post(f"{address}use/", {"revision": str(before)})
    assert done["Location"] == f"/flows/{asked.flow.id}/edit/"
    asked.flow.refresh_from_db()
    assert [node.id for node in draft_document(asked.flow).nodes] == ["start", "result", "shout"]
    assert asked.flow.revision == before + 1


def test_a_draft_that_was_changed_since_the_review_is_not_overwritten() -> None:
    asked = Asked()
    before = asked.flow.revision
    address = asked.ask(wish(SHOUT))
    update_flow(asked.actor, asked.flow, name="Renamed meanwhile")
    done = asked.client.post(f"{address}use/", {"revision": str(before)}, follow=True)
    assert "changed meanwhile" in done.content.decode()
    assert len(draft_document(asked.flow).nodes) == 2


def test_an_answer_with_errors_is_asked_for_once_more_however_often_the_page_is_read() -> None:
    asked = Asked()
    wrong = {"id": "wrong", "type": "output", "config": {"value": "{{ nowhere.text }}"}}
    address = asked.ask(wish(wrong))
    seconds = {asked.client.get(address)["Location"] for _ in range(3)}
    assert len(seconds) == 1
    page = asked.client.get(asked.settled(seconds.pop())).content.decode()
    assert "It does not run yet" in page
    assert Run.objects.filter(flow=asked.flow).count() == 2


def test_while_the_model_writes_the_page_waits_and_the_question_can_be_stopped() -> None:
    asked = Asked("openai_compatible/slow-20000ms")
    address = asked.client.post(asked.address, {"wish": "Anything"})["Location"]
    run = Run.objects.get(flow=asked.flow)
    assert "every 1s" in asked.client.get(address).content.decode()
    part = asked.client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<div id="describe-wait"')
    asked.client.post(f"/runs/{run.id}/cancel/")
    page = asked.client.get(asked.settled(address)).content.decode()
    assert "There is no draft" in page
    assert "Nothing was changed" in page


@pytest.mark.parametrize("text", ["", "x" * 5_000, "a\0b"])
def test_a_wish_that_cannot_be_asked_is_said_at_the_field(text: str) -> None:
    asked = Asked()
    answer = asked.client.post(asked.address, {"wish": text})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()


def test_a_viewer_may_not_describe_and_a_stranger_finds_nothing() -> None:
    asked = Asked()
    address = asked.ask(wish(SHOUT))
    Membership.objects.filter(user=asked.user).update(role=Role.VIEWER)
    assert asked.client.get(asked.address).status_code == 403
    assert asked.client.post(f"{address}use/", {"revision": "1"}).status_code == 403
    stranger = Client()
    other = User.objects.get(email=new_visitor().email)
    stranger.force_login(other)
    assert stranger.get(address).status_code == 404
    assert stranger.post(asked.address, {"wish": "x"}).status_code == 404


def test_without_a_model_the_page_says_what_to_do(settings: Any) -> None:
    asked = Asked()
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "FLUX_LOCAL_MODEL_URL"):
        setattr(settings, name, "")
    answer = asked.client.get(asked.address, follow=True)
    assert "No language model is connected" in answer.content.decode()
