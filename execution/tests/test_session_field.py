"""The session that pages ask for, of flows that remember something of it."""

from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.permissions import Actor
from execution.models import Run
from execution.tests.flows_for_tests import document, output, published, start_node
from execution.views.run_form import empty_form, read_form
from flows.engine.document import parse
from flows.models import Flow

REMEMBERING = [
    {"id": "ask", "type": "llm", "config": {"prompt": "p", "memory": {"turns": 3}}},
    {"id": "log", "type": "memory", "config": {"name": "log"}},
    {"id": "log", "type": "memory", "config": {"name": "log", "scope": "{{ start.scope }}"}},
]
FORGETTING = [
    {"id": "ask", "type": "llm", "config": {"prompt": "p"}},
    {"id": "log", "type": "memory", "config": {"name": "log", "scope": "flow"}},
]


@pytest.mark.parametrize("node", [*REMEMBERING, *FORGETTING], ids=str)
def test_only_flows_that_remember_ask_for_a_session(node: dict[str, Any]) -> None:
    document = parse({"name": "Form", "nodes": [node]})
    form = empty_form(document)
    assert (form.session_id, form.count) == (("trial", 1) if node in REMEMBERING else (None, 0))


@pytest.mark.parametrize(
    ("sent", "session", "error"),
    [
        (" ada ", "ada", ""),
        ("", None, ""),
        ("x" * 201, "x" * 201, "has more than 200"),
        ("a\x00", "a\x00", "The session"),
    ],
)
def test_a_session_that_is_sent_is_kept_or_refused(
    sent: str, session: str | None, error: str
) -> None:
    document = parse({"name": "Form", "nodes": REMEMBERING[:1]})
    data = QueryDict(mutable=True)
    data["session"] = sent
    form = read_form(document, data).form
    assert form.session is not None
    assert form.session_id == session
    assert error in form.session.error
    assert form.has_errors is bool(error)


@pytest.fixture
def remembering(actor: Actor) -> Flow:
    said = {"id": "said", "type": "memory", "config": {"name": "log"}}
    nodes = [start_node("topic"), said, output("{{ said.text }}")]
    return published(actor, document(nodes, ["start>said", "said>end"]))


def test_pages_start_runs_with_the_session_that_was_filled_in(
    visitor: Client, remembering: Flow, dispatched: list[Run]
) -> None:
    page = visitor.get(f"/flows/{remembering.id}/").content.decode()
    assert 'name="session"' in page
    assert 'value="trial"' in page
    sent = {"input-topic": "Tea", "version": "published"}
    visitor.post(f"/flows/{remembering.id}/run/", {**sent, "session": "ada"})
    too_long = visitor.post(
        f"/flows/{remembering.id}/run/",
        {**sent, "session": "x" * 201},
        headers={"HX-Request": "true"},
    )
    assert too_long.status_code == 422
    assert "has more than 200 characters" in too_long.content.decode()
    assert [run.session_id for run in dispatched] == ["ada"]


def test_the_editor_asks_for_it_and_goes_on_with_that_of_the_run_before(
    visitor: Client, remembering: Flow, dispatched: list[Run]
) -> None:
    asked = visitor.get(f"/flows/{remembering.id}/inputs/").content.decode()
    assert 'data-fields="2"' in asked
    assert 'name="session"' in asked
    address = f"/flows/{remembering.id}/edit/run/"
    first = {"asked": "1", "input-topic": "Tea", "session": "ada"}
    assert visitor.post(address, first).status_code == 200
    assert visitor.post(address, {"until": "said"}).status_code == 200
    assert [run.session_id for run in dispatched] == ["ada", "ada"]
