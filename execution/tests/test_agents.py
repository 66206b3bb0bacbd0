"""Agents in whole runs: steps in the record, people and other flows, crashes and inline runs."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import Workspace
from accounts.permissions import Actor
from billing.models import UsageRecord
from execution.approval_models import Approval
from execution.approval_services import Answer, decide
from execution.attempt_ends import HandedBack
from execution.attempts import RunPaused
from execution.doors.steps import RunSteps
from execution.models import NodeRun, Run
from execution.payloads import resolve_references
from execution.plain_config import values_of
from execution.services import cancel_run, start_run
from execution.shapes import NodeCall, NodeDone
from execution.steering import pause_run, resume_run
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
from flows.engine.doors.steps import Question, Step
from flows.engine.errors import NodeError
from flows.engine.node_type import RetryDefaults
from flows.engine.tests.support import node_type
from flows.engine.together import together

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
    booked = UsageRecord.objects.filter(run_id=run.id)
    assert {(record.node, record.path[1]) for record in booked} == {
        ("helper", 1),
        ("helper", 6),
        ("helper", 9),
    }


def test_it_waits_for_a_person_and_goes_on_with_what_they_say() -> None:
    actor = new_actor()
    tool = {**flow_tool(actor, "pay", "paid"), "approval": True}
    run = start_run(
        actor, published(actor, agent_flow("[[call-pay+call-pay]]", [tool])), {"text": "x"}
    ).run

    # Both are asked at the same time, in either order.
    until(lambda: Approval.objects.filter(run=run, state="open").count() == 2)
    _, owner = person(Workspace.objects.get(id=run.workspace_id), "owner")
    # What is decided in a pause counts when the run goes on.
    pause_run(actor, run)
    decide(owner, run, ".pay", ["helper", 3], Answer("approve"))
    decide(owner, run, ".pay", ["helper", 5], Answer("reject", "Too much"))
    until(lambda: not Approval.objects.filter(run=run, delivered_at=None).exists())
    assert not NodeRun.objects.filter(run=run, node=".model", path=["helper", 6]).exists()
    resume_run(actor, run)
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


def test_what_a_tool_is_given_may_be_more_than_temporal_takes() -> None:
    actor = new_actor()
    inner = document([start_node("big"), output("{{ start.big | length }}")], ["start>end"])
    inputs = {"big": "{{ start.text }}"}
    tool = {"type": "flow", "flow": str(published(actor, inner).id), "name": "size"}
    flow = published(actor, agent_flow("[[call-size]] [[say-done]]", [{**tool, "inputs": inputs}]))
    run = run_to_end(actor, flow, {"text": "x" * 2_500_000})
    assert run.status == "succeeded", run.error
    child = Run.objects.get(parent=run)
    assert resolve_references(child.workspace_id, child.outputs) == {"end": 2_500_000}


def test_arguments_that_look_like_a_reference_are_data() -> None:
    workspace = str(new_actor().workspace_id)
    like = {"$blob": "0" * 64, "kind": "text", "size": 5, "preview": "{{ 1 + 1 }}"}
    call: JSON = {"workspace_id": workspace, "run_id": str(uuid4()), "path": [], "node": "helper"}
    call["value_limit"] = 32_768
    steps = RunSteps(call, None)  # type: ignore[arg-type]
    question = Question(2, "one", "subflow", {"flow": "x", "inputs": {"like": like}})
    with pytest.raises(HandedBack) as handed:
        asyncio.run(steps.answers([question]))
    [ask] = handed.value.done["asks"]
    given = values_of(workspace, node_type("subflow"), ask["config"]).inputs
    assert given["like"]["$blob"] != like["$blob"]
    assert resolve_references(workspace, given) == {"like": like}


def test_an_agent_that_is_cut_off_while_it_waits_leaves_nothing_open() -> None:
    actor = new_actor()
    tools = [{**flow_tool(actor, "pay", "paid"), "approval": True}]
    config = {"model": MODEL, "prompt": "[[call-pay]]", "tools": tools}
    leave = {"status": "succeeded", "leave": "container"}
    inside = [
        {"id": "helper", "type": "agent", "config": config},
        {"id": "gate", "type": "approval", "config": {"message": "Enough?"}},
        {"id": "leave", "type": "stop", "config": leave},
        {"id": "never", "type": "approval", "config": {"message": "Who cares?"}},
    ]
    nodes = [
        start_node("text"),
        {"id": "rows", "type": "map", "config": {"items": ["a"]}},
        *({**node, "parent": "rows"} for node in inside),
        {"id": "later", "type": "approval", "config": {"message": "Go on?"}},
    ]
    edges = ["start>rows", "gate.approved>leave", "rows>later"]
    run = start_run(actor, published(actor, document(nodes, edges)), {"text": "x"}).run
    until(lambda: Approval.objects.filter(run=run, state="open").count() == 3)
    _, owner = person(Workspace.objects.get(id=run.workspace_id), "owner")
    decide(owner, run, "gate", ["rows", 0], Answer("approve"))
    until(lambda: Approval.objects.filter(run=run, node="later", state="open").exists())
    rows = NodeRun.objects.filter(run=run, node__in=("helper", ".pay"))
    assert {row.node: str(row.status) for row in rows} == {
        "helper": "cancelled",
        ".pay": "cancelled",
    }
    asked = Approval.objects.filter(run=run, node__in=(".pay", "never"))
    assert [str(approval.state) for approval in asked] == ["cancelled"] * 2
    cancel_run(actor, run)
    assert ended(run).status == "cancelled"


def test_a_pause_lets_the_steps_end_that_run_beside() -> None:
    """Cut off with the node, they would be done twice."""
    ran: list[str] = []

    async def perform(call: NodeCall, work: Any, repeatable: bool) -> NodeDone:
        if call["node"] == ".new":
            raise RunPaused
        await asyncio.sleep(0.05)
        ran.append(call["node"])
        return NodeDone(output={}, ports=["out"], ends_run=None, message="")

    async def both() -> None:
        call: JSON = {"workspace_id": str(uuid4()), "path": [], "node": "helper"}
        steps = RunSteps(call, perform)
        retry = RetryDefaults(max_attempts=1)
        made = [Step(n, name, "http", {}, 9, retry) for n, name in enumerate(("old", "new"))]
        await together(steps.do(step, lambda _: None) for step in made)  # type: ignore[arg-type, return-value]

    with pytest.raises(RunPaused):
        asyncio.run(both())
    assert ran == [".old"]


def test_what_people_cannot_be_asked_is_an_error_and_no_hang() -> None:
    approval = node_type("approval")
    with pytest.raises(NodeError) as caught:
        values_of(str(uuid4()), approval, {"message": "x", "assignees": ["nobody"]})
    assert (caught.value.code, caught.value.field) == ("config_invalid", "assignees[0]")
