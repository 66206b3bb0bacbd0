"""The hub goes on whatever it hears, and slow readers cost little."""

import asyncio
import time
from typing import Any

import pytest
from django.db import connection

from execution.live import sse
from execution.live.consumers import QUEUE_LIMIT, RunConsumer
from execution.live.hub import Frame, hub
from execution.live.waiting import wait_until_ended
from execution.recording import CHANNEL
from execution.services import start_run
from execution.tests.flows_for_tests import (
    document,
    llm,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)


@pytest.mark.usefixtures("stack")
def test_a_notification_that_is_no_news_does_not_silence_the_hub() -> None:
    actor = new_actor()
    pure = published(actor, document([start_node("text"), output("x")], ["start>end"]))
    assert wait_until_ended(run_to_end(actor, pure, {"text": "x"}).id, 5)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, 'rubbish')", [CHANNEL])
    time.sleep(0.5)
    nodes = [start_node("text"), llm("ask", "x", "echo+slow-700ms"), output("x")]
    slow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    run = start_run(actor, slow, {"text": "x"}).run
    assert wait_until_ended(run.id, 10)
    thread = hub()._thread
    assert thread is not None
    assert thread.is_alive()
    assert str(run.id) in hub()._ended_lately


def test_frames_for_a_reader_that_does_not_read_are_limited() -> None:
    async def flood() -> tuple[int, int]:
        stream: asyncio.Queue[Frame | None] = asyncio.Queue()
        socket: Any = RunConsumer()
        socket.queue = asyncio.Queue()
        for _ in range(5_000):
            sse._put(stream, Frame())
            socket._queue(Frame())
        return stream.qsize(), socket.queue.qsize()

    waiting_in_stream, waiting_in_socket = asyncio.run(flood())
    assert waiting_in_stream == sse.QUEUE_LIMIT + 1
    assert waiting_in_socket == QUEUE_LIMIT + 2
