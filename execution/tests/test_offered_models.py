"""The catalogue of models where people and programs meet it: picker, API, validation, calls."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from lxml import html

from accounts.models import Workspace
from accounts.permissions import Actor
from accounts.services import create_credential
from billing.catalogue import forget_catalogue
from billing.models import CatalogueModel
from billing.services import refresh_catalogue
from execution.providers.access import forget_access
from execution.tests.flows_for_tests import (
    document,
    llm,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)
from flows.engine.document import parse
from flows.models import Flow
from flows.queries import document_problems
from flows.tests.fixtures import Api, assert_problem

JSON = Any
HAIKU = "anthropic/claude-haiku-5-5"


@pytest.fixture
def catalogue(db: None, settings: Any) -> Iterator[None]:
    """As a fresh installation has it, with no keys of the operator's."""
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "FLUX_LOCAL_MODEL_URL"):
        setattr(settings, name, "")
    refresh_catalogue()
    forget_access()
    yield
    forget_catalogue()
    forget_access()


@pytest.mark.usefixtures("catalogue")
def test_a_workspace_is_listed_the_models_of_its_own_providers(
    api: Api, stranger: Api, anonymous: Api, actor: Actor
) -> None:
    assert api.get("/models").json() == {"results": [], "next": None}
    create_credential(actor, name="Claude", type="anthropic", values={"api_key": "sk-x"})
    forget_access()
    found = {one["model"]: one for one in api.get("/models").json()["results"]}
    assert found[HAIKU]["prices"]["input"] == "0.1"
    assert {name.partition("/")[0] for name in found} == {"anthropic"}
    assert stranger.get("/models").json()["results"] == []
    assert_problem(anonymous.get("/models"), 401, "not_authenticated")


@pytest.mark.usefixtures("catalogue")
def test_the_picker_shows_what_models_cost_and_can_do(
    visitor: Client, flow: Flow, actor: Actor, workspace: Workspace
) -> None:
    create_credential(actor, name="Open", type="openai", values={"api_key": "sk-x"})
    Workspace.objects.filter(id=workspace.id).update(default_model="house/tiny")
    forget_access()
    answer = visitor.get(f"/flows/{flow.id}/nodes/ask/form/")
    form = html.fromstring(answer.content.decode())
    picks = {one.get("value"): one.get("label") for one in form.iterfind(".//datalist/option")}
    assert list(picks)[:2] == ["openai/gpt-6-luna", "house/tiny"]
    assert picks["openai/gpt-6-luna"] == (
        "GPT-6 Luna · from $0.1 in, $0.5 out · 1.05M context · reads pictures and documents · "
        "effort · the workspace's openai credential"
    )
    assert picks["house/tiny"] == "the workspace's default"
    assert picks["openai/gpt-6.1-sol"].startswith("GPT-6.1 Sol · from $2 in")
    # What makes pictures or vectors is no answer to a prompt.
    assert "openai/gpt-image-2" not in picks
    assert CatalogueModel.objects.filter(model="openai/gpt-image-2", enabled=True).exists()


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"model": HAIKU, "temperature": 0}, ["temperature"]),
        ({"model": "anthropic/claude-haiku-4-5", "effort": "low"}, ["effort"]),
        ({"model": "openai/gpt-5.4", "effort": "low", "temperature": 1}, ["temperature"]),
        ({"model": "openai/gpt-5.4", "effort": "", "temperature": 1}, []),
        ({"model": "openai_compatible/x", "effort": "low", "temperature": 1}, []),
        ({"model": "{{ start.text }}", "temperature": 1}, []),
        ({"model": HAIKU, "temperature": None, "effort": "max"}, []),
        ({"temperature": 1}, []),
    ],
)
def test_validation_warns_of_settings_that_the_model_does_not_have(
    db: None, config: JSON, found: list[str]
) -> None:
    ask = {"id": "ask", "type": "llm", "config": {"prompt": "{{ start.text }}", **config}}
    content = document([start_node("text"), ask, output("x")], ["start>ask", "ask>end"])
    problems = document_problems(parse(content), uuid.uuid4())
    assert [problem.path for problem in problems] == found
    for problem in problems:
        assert (problem.code, problem.severity) == ("setting_without_effect", "warning")
        assert problem.node == "ask"
        assert "Remove the setting" in problem.message


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("openai/gpt-6-luna", {"reasoning": {"effort": "low"}}),
        ("openai/gpt-4.1", {"temperature": 0.5}),
        ("openai_compatible/echo", {"temperature": 0.5, "reasoning_effort": "low"}),
    ],
)
def test_calls_are_made_without_what_the_model_does_not_have(
    stack: Any, model: str, sent: dict[str, JSON]
) -> None:
    forget_access()
    tag = f"hello {uuid.uuid4().hex}"
    ask = llm("ask", "{{ start.text }}")
    ask["config"] |= {"model": model, "temperature": 0.5, "effort": "low"}
    nodes = [start_node("text"), ask, output("{{ ask.text }}")]
    content = document(nodes, ["start>ask", "ask>end"], settings={"execution": "inline"})
    actor = new_actor()
    run = run_to_end(actor, published(actor, content), {"text": tag})
    assert run.status == "succeeded", run.error
    (body,) = [call.body for call in stack.model_server.calls if call.asked == tag]
    named = ("temperature", "reasoning", "reasoning_effort")
    assert {name: body[name] for name in named if name in body} == sent
