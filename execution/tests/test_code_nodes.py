"""Code nodes in whole runs, and whose turn it is in the sandbox."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from execution.models import NodeRun
from execution.sandbox.places import Owner, Places
from execution.sandbox.pool import close_sandbox
from execution.tests.flows_for_tests import (
    document,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)

JSON = Any
SOURCE = """\
import json
orders = json.loads(text)
print(len(orders), "orders")
{"total": sum(order["price"] for order in orders)}
"""


@pytest.fixture
def sandbox() -> Iterator[None]:
    """Inline runs have a sandbox in this process."""
    yield
    close_sandbox()


def code(source: str, **inputs: JSON) -> JSON:
    return {"id": "code", "type": "code", "config": {"source": source, "inputs": inputs}}


def flow_of_code(execution: str, source: str) -> JSON:
    nodes = [
        start_node("text"),
        code(source, text="{{ start.text }}"),
        output("{{ [code.result, code.logs] }}"),
    ]
    return document(nodes, ["start>code", "code>end"], settings={"execution": execution})


@pytest.mark.usefixtures("stack", "sandbox")
@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_code_works_on_what_steps_before_it_gave(execution: str) -> None:
    actor = new_actor()
    flow = published(actor, flow_of_code(execution, SOURCE))
    run = run_to_end(actor, flow, {"text": '[{"price": 2}, {"price": 3.5}]'})
    assert run.outputs == {"end": [{"total": 5.5}, "2 orders\n"]}


@pytest.mark.usefixtures("stack", "sandbox")
@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_s2_a_text_that_looks_like_code_stays_text_and_a_failure_counts_once(
    execution: str,
) -> None:
    actor = new_actor()
    source = "print(text)\nraise ValueError(text)"
    flow = published(actor, flow_of_code(execution, source))
    run = run_to_end(actor, flow, {"text": "{{ 1 + 1 }}"})
    assert run.error is not None
    assert run.error["code"] == "code_failed"
    assert run.error["message"].startswith("The code failed on line 2: ValueError: {{ 1 + 1 }}.")
    assert run.error["details"]["logs"] == "{{ 1 + 1 }}\n"
    assert NodeRun.objects.filter(run=run, node="code").count() == 1


async def test_a_run_and_a_workspace_have_their_share_of_the_places() -> None:
    places = Places(8)
    inside: list[str] = []
    leave = {name: asyncio.Event() for name in "abcdefgh"}

    async def use(name: str, owner: Owner) -> None:
        async with places.one_for(owner, 60):
            inside.append(name)
            await leave[name].wait()

    async def come(names: str, owner: Owner) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(use(name, owner)) for name in names]
        for _ in range(5):
            await asyncio.sleep(0)
        return tasks

    tasks = await come("abc", Owner("mine", "one"))
    assert inside == ["a", "b"], "a quarter for a run"
    tasks += await come("de", Owner("mine", "two"))
    tasks += await come("f", Owner("mine", "three"))
    assert inside == ["a", "b", "d", "e"], "half for a workspace"
    tasks += await come("gh", Owner("theirs", "one"))
    assert inside[4:] == ["g", "h"]
    leave["a"].set()
    await tasks[0]
    tasks += await come("", Owner("mine", "one"))
    assert inside[6:] == ["f"], "a run that has none goes before one that came earlier"
    for event in leave.values():
        event.set()
    await asyncio.gather(*tasks)
    assert inside[7:] == ["c"]
    assert places.used == 0


async def test_who_waits_too_long_or_no_more_takes_no_place() -> None:
    places, owner = Places(1), Owner("mine", "one")
    async with places.one_for(owner, 1):
        with pytest.raises(TimeoutError):
            async with places.one_for(owner, 0):
                raise AssertionError("there is one place only")
        waiting = asyncio.create_task(places.one_for(owner, 60).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert places.used == 0
    async with places.one_for(owner, 1):
        assert places.used == 1
