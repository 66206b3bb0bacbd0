"""Agents in whole runs: steps in the record, people and other flows, crashes and inline runs."""

from typing import Any

import pytest

from accounts.models import Workspace
from accounts.permissions import Actor
from execution.approval_services import Answer, decide
from execution.models import NodeRun, Run
from execution.services import start_run
from execution.tests.approvals_for_tests import person
from execution.tests.flows_for_tests import (
    document,
    ended,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
    until,
)

JSON = Any
pytestmark = pytest.mark.usefixtures("stack", "models")
MODEL = "openai_compatible/echo"


def flow_tool(actor: Actor, name: str, value: JSON) -> JSON:
    """A flow that gives `value`, as a tool."""
    content = document([start_node("text"), output(value)], ["start>end"], name=name)
    return {"type": "flow", "flow": str(published(actor, content).id), "name": name}


def agent_flow(prompt: str, tools: list[JSON], **settings: JSON) -> JSON:
    config = {"model": MODEL, "prompt": prompt + " {{ start.text }}", "tools": tools}
    nodes = [
        start_node("text"),
        {"id": "helper", "type": "agent", "config": config},
        output({"text": "{{ helper.text }}", "steps": "{{ helper.steps }}"}),
    ]
    return document(nodes, ["start>helper", "helper>end"], settings=settings)


def steps_of(run: Run) -> list[NodeRun]:
    rows = [row for row in NodeRun.objects.filter(run=run) if row.path[:1] == ["helper"]]
    return sorted(rows, key=lambda row: row.path[1])


@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_other_flows_are_called_and_every_step_is_recorded(execution: str) -> None:
    actor = new_actor()
    tools = [flow_tool(actor, "one", "1: {{ start.text }}"), flow_tool(actor, "two", "{{ 2 }}")]
    prompt = "[[call-one+call-two]] [[call-one]]"
    flow = published(actor, agent_flow(prompt, tools, execution=execution))
    run = run_to_end(actor, flow, {"text": "{{ 1+1 }}"})
    assert run.outputs is not None, run.error
    assert run.outputs["end"]["text"] == "1: text; 2; 1: text"
    names = [(row.node, row.path[1], row.type, str(row.status)) for row in steps_of(run)]
    assert names == [
        (".tools", 0, "agent", "succeeded"),
        (".model", 1, "llm", "succeeded"),
        (".one", 2, "subflow", "succeeded"),
        (".two", 4, "subflow", "succeeded"),
        (".model", 6, "llm", "succeeded"),
        (".one", 7, "subflow", "succeeded"),
        (".model", 9, "llm", "succeeded"),
    ]
    assert Run.objects.filter(parent=run).count() == 3
    # Each answer is paid once: on its step, and none on the agent.
    agent = NodeRun.objects.get(run=run, node="helper")
    assert (agent.input_tokens, agent.attempt) == (0, 1)
    assert run.output_tokens == sum(row.output_tokens for row in steps_of(run)) > 0
    assert agent.output is not None
    assert agent.output["usage"]["output_tokens"] == run.output_tokens


def test_it_waits_for_a_person_and_goes_on_with_what_they_say() -> None:
    actor = new_actor()
    tool = {**flow_tool(actor, "pay", "paid"), "approval": True}
    run = start_run(
        actor, published(actor, agent_flow("[[call-pay+call-pay]]", [tool])), {"text": "x"}
    ).run

    def waits() -> bool:
        run.refresh_from_db()
        return run.status == "waiting"

    until(waits)
    _, owner = person(Workspace.objects.get(id=run.workspace_id), "owner")
    decide(owner, run, ".pay", ["helper", 3], Answer("approve"))
    decide(owner, run, ".pay", ["helper", 5], Answer("reject", "Too much"))
    run = ended(run)
    assert run.outputs is not None, run.error
    assert run.outputs["end"]["text"] == (
        "paid; A person did not approve this call. They say: Too much"
    )
    asked = [row for row in steps_of(run) if row.type == "approval"]
    assert [(row.node, str(row.status)) for row in asked] == [(".pay", "succeeded")] * 2
    assert Run.objects.filter(parent=run).count() == 1


def test_a_tool_that_fails_is_told_and_a_model_that_fails_fails_the_agent() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        {"id": "halt", "type": "stop", "config": {"status": "failed", "message": "Closed."}},
    ]
    broken = published(actor, document(nodes, ["start>halt"]))
    tool = {"type": "flow", "flow": str(broken.id), "name": "shop"}
    run = run_to_end(actor, published(actor, agent_flow("[[call-shop]]", [tool])), {"text": "x"})
    assert run.outputs is not None, run.error
    assert "Closed." in run.outputs["end"]["text"]
    run = run_to_end(actor, published(actor, agent_flow("[[error-400]]", [])), {"text": "x"})
    assert run.error is not None
    assert (run.error["code"], run.error["node"]) == ("model_bad_request", "helper")
