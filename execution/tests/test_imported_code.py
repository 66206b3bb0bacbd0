"""Python of other products runs in the sandbox as it did there."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from execution.sandbox.places import Owner
from execution.sandbox.pool import SandboxPool
from flows.importing.reading import read
from flows.importing.tests.samples_for_tests import sample
from flows.nodes.code.source import read_source

JSON = Any
LEGACY = """\
for item in _input.all():
    item.json["double"] = item.json["n"] * 2
return _input.all()"""
NATIVE = """\
made = []
for item in _items:
    made.append({"json": {"double": item["json"]["n"] * 2}})
return made"""


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    pool = SandboxPool(1)
    yield pool
    pool.close()


def result_of(pool: SandboxPool, source: str, inputs: dict[str, JSON]) -> JSON:
    work = pool.run(
        Owner("mine", "one"), read_source(source), inputs, seconds=10, memory_bytes=32_000_000
    )
    return asyncio.run(work).value


def script(**parameters: JSON) -> str:
    nodes = [{"name": "Script", "type": "n8n-nodes-base.code", "parameters": parameters}]
    imported = read(json.dumps({"name": "x", "nodes": nodes, "connections": {}}))
    made = next(node for node in imported.document.nodes if node.type == "code")
    return str(made.config["source"])


def test_scripts_of_n8n_work_on_items(pool: SandboxPool) -> None:
    items = {"items": [{"n": 1}, {"n": 4}]}
    source = script(language="python", pythonCode=LEGACY)
    assert result_of(pool, source, items) == [{"n": 1, "double": 2}, {"n": 4, "double": 8}]
    source = script(language="pythonNative", pythonCode=NATIVE)
    assert result_of(pool, source, items) == [{"double": 2}, {"double": 8}]
    each = 'return {"json": {"n": _item["json"]["n"] + 1}}'
    source = script(language="pythonNative", mode="runOnceForEachItem", pythonCode=each)
    assert result_of(pool, source, items) == {"n": 2}


def test_a_function_of_dify_gives_its_fields(pool: SandboxPool) -> None:
    nodes = sample("dify/agent_and_code.yml").document.nodes
    source = next(str(node.config["source"]) for node in nodes if node.id == "count")
    assert result_of(pool, source, {"text": "a b c"}) == {"count": 6, "first": "a"}
