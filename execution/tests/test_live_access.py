"""A stream that is open ends when whoever reads it may no longer see the run."""

import asyncio
from typing import Any

import pytest

from execution.live import sse
from execution.services import start_run
from execution.tests.flows_for_tests import (
    document,
    llm,
    new_actor,
    output,
    published,
    start_node,
    statuses,
    until,
)


@pytest.mark.usefixtures("stack")
def test_a_stream_ends_when_its_reader_may_see_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "ASK_AGAIN", 0.3)
    monkeypatch.setattr(sse, "KEEP_ALIVE", 0.2)
    actor = new_actor()
    nodes = [start_node("text"), llm("ask", "{{ start.text }}", "hang"), output("{{ ask.text }}")]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    run = start_run(actor, flow, {"text": "x"}).run
    until(lambda: statuses(run).get("ask") == "running")
    asked: list[bool] = []

    def is_allowed() -> bool:
        asked.append(True)
        return len(asked) < 3

    async def read() -> list[Any]:
        async with asyncio.timeout(10):
            return [part async for part in sse.stream(run, 0, is_allowed)]

    parts = asyncio.run(read())
    assert len(asked) == 3
    assert b"event: node.started" in b"".join(parts)
