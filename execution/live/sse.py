"""The events of a run as a Server-Sent Events stream (WHATWG HTML §9.2)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

from django.db import connection

from execution.live.hub import Frame, Reader, hub
from execution.models import Run

#: Seconds of silence after which a comment keeps proxies from closing the connection.
KEEP_ALIVE = 15.0
#: Seconds after which it is asked anew whether the reader may still see this.
ASK_AGAIN = 15.0
#: Frames that may wait for a slow client; beyond, it has to come back with its last id.
QUEUE_LIMIT = 1_000


async def stream(
    run: Run, after: int, is_allowed: Callable[[], bool] = lambda: True
) -> AsyncIterator[bytes]:
    """Events from `after` on, live; ends when the run has. `id:` is the seq to come back with.

    `is_allowed` is asked on a thread now and then; the stream ends when it says no.
    """
    queue: asyncio.Queue[Frame | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def deliver(frame: Frame) -> None:
        loop.call_soon_threadsafe(_put, queue, frame)

    reader = Reader(str(run.id), after, deliver)
    hub().watch(reader)
    try:
        yield b": stream of run events\n\n"
        ask_at = loop.time() + ASK_AGAIN
        while True:
            if loop.time() >= ask_at:
                if not await asyncio.to_thread(_asked, is_allowed):
                    return
                ask_at = loop.time() + ASK_AGAIN
            try:
                frame = await asyncio.wait_for(queue.get(), KEEP_ALIVE)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if frame is None:
                return
            text, ended = _render(frame)
            yield text
            if ended:
                return
    finally:
        hub().forget(reader)


def _asked(is_allowed: Callable[[], bool]) -> bool:
    """The answer; the thread's connection goes back to the pool."""
    try:
        return is_allowed()
    finally:
        connection.close()


def _put(queue: asyncio.Queue[Frame | None], frame: Frame) -> None:
    if queue.qsize() < QUEUE_LIMIT:
        queue.put_nowait(frame)
    elif queue.qsize() == QUEUE_LIMIT:
        queue.put_nowait(None)


def _render(frame: Frame) -> tuple[bytes, bool]:
    lines, ended = [], False
    for event in frame.events:
        data = json.dumps(event, ensure_ascii=False)
        lines.append(f"id: {event['seq']}\nevent: {event['type']}\ndata: {data}\n\n")
        ended = ended or event["type"] == "run.finished"
    for delta in frame.deltas:
        data = json.dumps(delta, ensure_ascii=False)
        lines.append(f"event: node.delta\ndata: {data}\n\n")
    return "".join(lines).encode(), ended
