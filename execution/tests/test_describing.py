"""A flow drafted from words by a run; the scripted model hands back what it is asked."""

import json
from typing import Any

import pytest

from accounts.models import Workspace
from accounts.permissions import Actor, PermissionRefused
from execution.describing import TRIGGER, NoDraft, describe, described
from execution.models import Run
from execution.services import start_run, wait_until_ended
from execution.tests.flows_for_tests import document, new_actor, output, published, start_node
from flows.models import Flow
from flows.services import create_flow, starter

JSON = Any
pytestmark = pytest.mark.usefixtures("stack", "models")


def flow_of(actor: Actor, model: str = "openai_compatible/echo") -> Flow:
    Workspace.objects.filter(id=actor.workspace_id).update(default_model=model)
    return create_flow(actor, name="Mine")


def over(run: Run) -> Run:
    wait_until_ended(run.id, 60)
    return Run.objects.get(id=run.id)


def wished(**changes: JSON) -> str:
    return f"This one: {json.dumps({**starter('Theirs'), **changes})}"


def test_a_wish_becomes_a_draft_and_the_draft_of_the_flow_stays() -> None:
    actor = new_actor()
    flow = flow_of(actor)
    nodes = [
        {"id": "mail", "type": "input", "config": {"fields": [{"name": "text", "type": "text"}]}},
        {"id": "short", "type": "output", "config": {"value": "{{ mail.text | truncate(9) }}"}},
    ]
    edges = [{"from": "mail", "to": "short"}]
    run = over(describe(actor, flow, wished(nodes=nodes, edges=edges, layout={})))
    assert (run.trigger, run.status) == (TRIGGER, "succeeded")
    drafted = described(actor, flow, run).drafted
    assert drafted is not None
    assert [node.id for node in drafted.document.nodes] == ["mail", "short"]
    assert drafted.document.name == "Mine"
    assert not drafted.errors
    assert sorted(flow.nodes.values_list("key", flat=True)) == ["result", "start"]
    assert run.input_tokens > 0


def test_an_answer_with_errors_is_sent_back_once_and_then_shown_with_them() -> None:
    actor = new_actor()
    flow = flow_of(actor)
    nodes = [*starter("x")["nodes"], {"id": "b", "type": "output", "config": {"value": "{{ no }}"}}]
    run = over(describe(actor, flow, wished(nodes=nodes)))
    again = described(actor, flow, run).again
    assert again is not None
    second = over(again)
    # As it is after a release that asks in other words.
    Run.objects.filter(id=again.id).update(request_digest="0" * 64)
    assert described(actor, flow, run).again == again
    assert second.inputs["round"] == 2 or "$blob" in json.dumps(second.inputs)
    drafted = described(actor, flow, second).drafted
    assert drafted is not None
    assert drafted.errors


def test_an_answer_that_is_no_flow_is_said_after_the_second_try() -> None:
    actor = new_actor()
    flow = flow_of(actor, "openai_compatible/say-no")
    run = over(describe(actor, flow, "Sort my mail"))
    again = described(actor, flow, run).again
    assert again is not None
    with pytest.raises(NoDraft, match="answered twice with what is no flow"):
        described(actor, flow, over(again))


def test_a_model_that_fails_is_said_with_its_reason() -> None:
    actor = new_actor()
    flow = flow_of(actor, "openai_compatible/error-400")
    with pytest.raises(NoDraft, match=r"The model gave no draft\. .+"):
        described(actor, flow, over(describe(actor, flow, "Sort my mail")))


def test_other_runs_and_empty_wishes_are_refused() -> None:
    actor = new_actor()
    other = published(actor, document([start_node("a"), output("x")], ["start>end"]))
    run = over(start_run(actor, other, {"a": "x"}).run)
    with pytest.raises(NoDraft, match="drafts no flow"):
        described(actor, other, run)
    with pytest.raises(NoDraft, match="Say what"):
        describe(actor, other, "  ")
    with pytest.raises(NoDraft, match="characters at most"):
        describe(actor, other, "x" * 5_000)


def test_who_may_not_edit_may_not_have_a_flow_drafted() -> None:
    actor = new_actor()
    flow = flow_of(actor)
    viewer = Actor(actor.workspace_id, "viewer", frozenset({"flow.read", "run.read"}))
    with pytest.raises(PermissionRefused):
        describe(viewer, flow, "Sort my mail")
