"""The steps of an agent on pages: in its run, in the editor, and where people are asked."""

import json
from typing import Any

import pytest
from django.test import Client

from accounts.permissions import Actor
from execution.approval_models import Approval
from execution.approvals import open_approval
from execution.live.consumers import _snapshot
from execution.models import NodeRun, Run
from execution.tests.approvals_for_tests import call_for
from execution.tests.flows_for_tests import document, output, published, start_node
from execution.tests.pages_for_tests import htmx, make_run, make_step
from flows.models import Flow

JSON = Any


@pytest.fixture
def agents(actor: Actor) -> Flow:
    helper = {"id": "helper", "type": "agent", "config": {"prompt": "Hello", "tools": []}}
    nodes = [start_node("topic"), helper, output("{{ helper.text }}")]
    return published(actor, document(nodes, ["start>helper", "helper>end"]))


@pytest.fixture
def run(agents: Flow) -> Run:
    """A run whose agent has asked, called, and now waits for a person."""
    run = make_run(agents, "running", last_seq=1)
    make_step(run, "helper", "running", type="agent")
    _step(run, "tools", 0, "agent", output={"tools": []})
    calls = [{"name": "find"}, {"name": "pay"}]
    used: dict[str, JSON] = {"input_tokens": 40, "output_tokens": 2, "cost": "0.5", "model": "a/b"}
    _step(run, "model", 1, "llm", output={"text": "", "tool_calls": calls}, **used)
    found = {"json": {"order": "<b>{{ 1 }}</b>"}, "text": ""}
    arguments = {"arguments": {"number": "x" * 5_000}}
    _step(run, "find", 2, "http", input=arguments, output=found)
    call = {**call_for(run, ["helper", 5], ".pay"), "label": "Call of 'pay'"}
    open_approval(call, {"message": "May it?"})  # type: ignore[arg-type]
    return run


def _step(run: Run, name: str, number: int, kind: str, **more: JSON) -> NodeRun:
    return make_step(run, f".{name}", type=kind, path=["helper", number], **more)


def test_a_run_shows_the_steps_of_its_agents_and_what_they_used(visitor: Client, run: Run) -> None:
    page = visitor.get(f"/runs/{run.id}/").content.decode()
    assert "40 → 2 tokens" in page
    approval = Approval.objects.get(run=run)
    assert f'href="/approvals/{approval.id}/"' in page
    assert visitor.get(f"/runs/{run.id}/steps/helper/").status_code == 200
    values = htmx(visitor, f"/runs/{run.id}/nodes/helper/")
    assert values.count("data-agent-step=") == 3
    assert "Calls find, pay" in values
    assert "&lt;b&gt;{{ 1 }}&lt;/b&gt;" in values
    assert "Approval of pay" in values
    whole = f"/runs/{run.id}/nodes/helper/input.json?step=helper.2"
    assert f'href="{whole}"' in values
    assert len(json.loads(visitor.get(whole).content)["arguments"]["number"]) == 5_000
    assert visitor.get(whole.replace(".2", ".7")).status_code == 404
    last = htmx(visitor, f"/flows/{run.flow_id}/nodes/helper/last/?run={run.id}")
    assert last.count("data-agent-step=") == 3


def test_who_follows_a_run_hears_what_agents_used_and_ask(visitor: Client, run: Run) -> None:
    shown = {node["node"]: node for node in _snapshot(run)["nodes"]}
    assert shown.keys() == {"helper"}
    usage = shown["helper"]["usage"]
    assert (usage["input_tokens"], usage["cost"], usage["model"]) == (40, "0.50000000", "a/b")
    approval = Approval.objects.get(run=run)
    progress = visitor.get(f"/runs/{run.id}/progress/").json()
    assert progress["approvals"] == {"helper": f"/approvals/{approval.id}/"}
    page = visitor.get(f"/approvals/{approval.id}/").content.decode()
    assert "Call of &#x27;pay&#x27;" in page


def test_a_flow_that_an_agent_called_is_linked_there_and_back(visitor: Client, run: Run) -> None:
    _step(run, "translate", 7, "subflow", input={"inputs": {"text": "Tea"}}, output={"end": "Thé"})
    child = make_run(run.flow, parent=run, parent_node=".translate", parent_path=["helper", 7])
    values = htmx(visitor, f"/runs/{run.id}/nodes/helper/")
    assert f'href="/runs/{child.id}/"' in values
    assert "Thé" in values
    back = visitor.get(f"/runs/{child.id}/").content.decode()
    assert f'href="/runs/{run.id}/#step-helper">translate' in back
