"""Memories in whole runs: what sessions are told, once for each run, and who does not hear it."""

import uuid
from typing import Any

import pytest

from execution.memories.models import MemoryEntry
from execution.models import Run
from execution.services import start_run
from execution.steering import rerun_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    llm,
    new_actor,
    output,
    published,
    start_node,
)

JSON = Any
pytestmark = pytest.mark.usefixtures("stack", "models")


def flow_of(execution: str) -> JSON:
    """A conversation that is kept twice: in a memory, and by the model node itself."""
    ask = llm("ask", "{{ start.text }}", retry={"max_attempts": 3, "initial_seconds": 0.01})
    ask["config"]["memory"] = {"turns": 10}
    value = {"role": "user", "content": "{{ start.text }}"}
    said = {
        "id": "said",
        "type": "memory",
        "config": {"action": "append", "name": "log", "value": value},
    }
    end = output({"text": "{{ said.text }}", "answer": "{{ ask.text }}"})
    edges = ["start>said", "said>ask", "ask>end"]
    return document([start_node("text"), said, ask, end], edges, settings={"execution": execution})


def messages(stack: Any, asked: str) -> list[str]:
    """The texts of the last call whose question was this."""
    call = [call for call in stack.model_server.calls if call.asked == asked][-1]
    return [message["content"] for message in call.body["messages"]]


@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_a_session_hears_what_was_said_before_once_and_no_other_does(
    stack: Any, execution: str
) -> None:
    actor = new_actor()
    flow = published(actor, flow_of(execution))
    tag = uuid.uuid4().hex[:8]

    def say(text: str, session: str | None) -> Run:
        return ended(start_run(actor, flow, {"text": text}, session_id=session).run)

    braces = f"{tag} {{{{ 1+1 }}}}"
    # The first call is refused twice: the turn is kept all the same, and once.
    stack.model_server.script(braces, "flaky-2")
    first = say(braces, "ada")
    assert first.status == "succeeded", first.error
    assert first.outputs is not None
    answer = first.outputs["end"]["answer"]
    assert "{{ 1+1 }}" in answer

    second = say(f"{tag} two", "ada")
    assert second.outputs is not None
    assert second.outputs["end"]["text"] == f"user: {braces}\nuser: {tag} two"
    assert messages(stack, f"{tag} two") == [braces, answer, f"{tag} two"]

    assert say(f"{tag} three", "bob").status == "succeeded"
    assert messages(stack, f"{tag} three") == [f"{tag} three"]

    alone = say(f"{tag} four", None)
    assert alone.error is not None
    assert (alone.error["code"], alone.error["node"]) == ("memory_session_missing", "said")

    # Asked again, the question takes the place of what it was before.
    assert ended(rerun_run(actor, second, start="ask").run).status == "succeeded"
    assert messages(stack, f"{tag} two") == [braces, answer, f"{tag} two"]
    turns = MemoryEntry.objects.filter(memory__flow=flow, memory__session_id="ada")
    assert turns.filter(memory__node="ask").count() == 2
    assert turns.filter(memory__name="log").count() == 2
