"""Every example in docs/nodes.md is carried out, in whole runs against real counterparts."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from accounts.models import Workspace
from accounts.services import create_api_key, create_credential
from execution.database import connection_parameters
from execution.tests.approvals_for_tests import person
from flows.engine.node_type import NodeType
from flows.engine.registry import registry
from fluxprompt.testing.live_stack import LiveStack
from tests.support.example_world import ANY_TEXT, ExampleWorld
from tests.support.node_examples import (
    PAGE,
    Example,
    blocks,
    examples,
    flow_around,
    flow_of_parts,
    may_be_inline,
    right_end,
)

JSON = Any
TYPES = registry().all()
EXAMPLES = examples()
#: What a value is that is described with this word.
KINDS: dict[str, Any] = {
    "text": lambda value: isinstance(value, str),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "file": lambda value: isinstance(value, dict) and {"id", "name", "media_type"} <= value.keys(),
    "any": lambda value: True,
}


@dataclass
class Outcome:
    """How a run of an example ended: the run and its nodes by id, or why there is none."""

    example: Example
    execution: str
    run: JSON = None
    nodes: JSON = None
    error: str = ""

    @property
    def output(self) -> JSON:
        assert not self.error, self.error
        return self.nodes[self.example.id]["output"]


@pytest.fixture(scope="module")
def world(live_stack: LiveStack, django_db_blocker: DjangoDbBlocker) -> Iterator[ExampleWorld]:
    with django_db_blocker.unblock():
        live_stack.heal()
        place = Workspace.objects.create(name="Examples", slug="examples-of-nodes")
        user, actor = person(place, "owner")

        def credential(name: str, type: str, values: Any) -> object:
            return create_credential(actor, name=name, type=type, values=values)

        _, token = create_api_key(actor, name="examples")
        with ExampleWorld(
            live_stack.base_url, token, user.email, credential, connection_parameters()
        ) as made:
            yield made


@pytest.fixture(scope="module")
def outcomes(world: ExampleWorld) -> list[Outcome]:
    """All of them, eight at a time."""
    world.prepare(example.node for example in EXAMPLES)
    ways = [
        Outcome(example, execution)
        for example in EXAMPLES
        for execution in ("durable", "inline")
        if execution == "durable" or may_be_inline(example.node)
    ]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda one: carry_out(world, one), ways))
    return ways


def carry_out(world: ExampleWorld, outcome: Outcome) -> None:
    """Run an example; what goes wrong is told by the tests of its type alone."""
    try:
        node = world.node_to_run(outcome.example.node)
        flow = world.publish(flow_around(node, outcome.execution))
        approves = node["id"] if node["type"] == "approval" else ""
        outcome.run = world.run(flow, world.inputs(node), approves=approves)
        outcome.nodes = world.nodes(outcome.run)
    except Exception as error:
        outcome.error = f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("node_type", TYPES, ids=lambda one: one.type)
def test_the_examples_of_a_type_run(node_type: NodeType, outcomes: list[Outcome]) -> None:
    mine = [one for one in outcomes if one.example.type == node_type.type]
    assert any(one.example.title == node_type.title for one in mine), "it has no example"
    for outcome in mine:
        assert not outcome.error, outcome.error
        node, run = outcome.example.node, outcome.run
        assert run["status"] == right_end(node), run["error"]
        assert run["execution"] == outcome.execution
        row = outcome.nodes.get(outcome.example.id)
        if not node_type.runs:
            assert row is None
        elif node.get("disabled"):
            assert row["status"] == "skipped"
        else:
            assert row["status"] == "succeeded"
            check_output(row["output"], node_type.output_fields(node["config"]))


def check_output(output: JSON, fields: Any) -> None:
    """Each field that the type describes is there and of its kind; all others are none of its."""
    assert isinstance(output, dict)
    assert output
    if fields is None:
        return
    assert output.keys() == fields.keys()
    for name, kind in fields.items():
        assert KINDS[kind](output[name]), f"{name} is no {kind}: {output[name]!r}"


def test_no_example_on_the_page_is_left_out(outcomes: list[Outcome]) -> None:
    content = [one for _, one in blocks()]
    assert PAGE.read_text(encoding="utf-8").count("```") == 2 * len(content)
    nodes = [node for one in content if isinstance(one, list) for node in one]
    assert [example.node for example in EXAMPLES] == nodes
    assert [one.example.node for one in outcomes if one.execution == "durable"] == nodes
    assert {node["type"] for node in nodes} == {node_type.type for node_type in TYPES}
    # What is no node is a part of a document; the last test here runs those.
    parts = [list(one) for one in content if not isinstance(one, list)]
    assert parts == [["edges"], ["settings"], ["layout"]]


def test_the_examples_reach_what_they_speak_to(
    world: ExampleWorld, outcomes: list[Outcome]
) -> None:
    def outputs(type: str) -> list[JSON]:
        return [one.output for one in outcomes if one.example.type == type]

    for made in outputs("http"):
        facts = [(one["city"], one["day"]) for one in made["items"]]
        assert facts == [(ANY_TEXT, 1), (ANY_TEXT, 2)]
    for made in outputs("sql"):
        assert made["rows"] == [{"id": 3, "total": 4}, {"id": 1, "total": 9.5}]
    for made in outputs("agent"):
        (called,) = [step for step in made["steps"] if step["type"] == "tool"]
        assert called["name"] == "find_order"
        assert "sent" in str(called["result"])
    for made in outputs("mcp"):
        assert made["json"] == {"pages": [f"About {ANY_TEXT}"]}
    for made in outputs("knowledge"):
        assert made["matches"][0]["document"] == "Returns"
    for made in outputs("file_read"):
        assert made["text"].startswith("# Invoice 7")
    for made in outputs("subflow"):
        assert made["result"]["kind"] == "billing"
    for made in outputs("approval"):
        assert (made["decision"], made["by"]["via"]) == ("approved", "api")
    assert set(world.mail.recipients) == {"ada@example.com"}
    assert {mail["Subject"] for _, mail in world.mail.mails} == {f"New ticket: {ANY_TEXT}"}


def test_the_node_that_is_disabled_on_the_page_does_what_it_says_without_that(
    world: ExampleWorld,
) -> None:
    (written,) = [example.node for example in EXAMPLES if example.node.get("disabled")]
    node = {name: value for name, value in written.items() if name != "disabled"}
    flow = world.publish(flow_around(node, "durable"))
    run = world.run(flow, {"text": "two words"})
    assert run["outputs"] == {"end": {"words": 2}}


def test_the_parts_of_a_document_on_the_page_make_a_flow_that_runs(world: ExampleWorld) -> None:
    parts: dict[str, JSON] = {}
    for _, one in blocks():
        parts |= one if isinstance(one, dict) else {}
    flow = world.publish(flow_of_parts(parts, world.web))
    run = world.run(flow, {"text": "billing"}, approves="check")
    assert run["status"] == "succeeded", run["error"]
    statuses = {name: row["status"] for name, row in world.nodes(run).items()}
    assert statuses.pop("fetch") == "failed"
    assert set(statuses) == {edge["to"] for edge in parts["edges"]} | {"start", "is_long", "check"}
    assert set(statuses.values()) == {"succeeded"}
    assert run["execution"] == parts["settings"]["execution"]
    shown = world.ask("GET", f"/flows/{flow}/document")
    # A default is not kept.
    assert shown["settings"].items() <= parts["settings"].items()
    assert parts["settings"].keys() - shown["settings"].keys() == {"execution"}
    assert shown["layout"].items() >= parts["layout"].items()
