"""Tries of the sockets of pages: what a browser might say on them, and behind the question mark."""

import asyncio
import json
from typing import Any
from urllib.parse import quote
from uuid import UUID

from execution.live.consumers import RunConsumer
from execution.live.flow_consumer import FlowConsumer
from execution.live.flow_hub import Follower
from execution.live.followed import Followed
from execution.live.hub import Frame, Reader
from tests.support.fuzzing.chance import Broken, Chance

JSON = Any


def made(chance: Chance) -> tuple[bool, str | bytes, bytes]:
    """(whether on an editor's socket, what is said, what stands behind the question mark)."""
    names = ("start", "each", "ß", "", "a" * 70)
    said: JSON = chance.choice(
        (
            {"opened": [f"{chance.choice(names)}:rows.{chance.randrange(9)}" for _ in range(3)]},
            {"selected": [chance.choice(names) for _ in range(3)]},
            {"ping": 1},
        )
    )
    if chance.hits(0.7):
        said = chance.nearly(said) if chance.hits(0.5) else chance.spoiled(said)
    text = json.dumps(said)
    if chance.hits(0.1):
        text = chance.cut(text)
    after = chance.choice(
        ("0", "7", "-1", "9" * 30, "9" * 5_000, "x", "", "٣", quote("\ud800", errors="replace"))
    )
    query = f"after={after}&tab={quote(chance.plain_word()[:99])}".encode()
    query += chance.choice((b"", b"\xff\xfe", b"&after=%ff", b"&&=&", b"&tab"))
    sent: str | bytes = text.encode("utf-8", "replace") if chance.hits(0.1) else text
    return chance.hits(0.5), sent, query


def tried(editor: bool, sent: str | bytes, query: bytes) -> str:
    """`answered` or `ignored`. Raises Broken; other exceptions are crashes as well."""
    return asyncio.run(_said(editor, sent, query))


async def _said(editor: bool, sent: str | bytes, query: bytes) -> str:
    consumer = FlowConsumer() if editor else RunConsumer()
    consumer.scope = {"query_string": query}
    frames: list[str] = []

    async def send(text_data: str = "", **_: JSON) -> None:
        frames.append(text_data)

    consumer.send = send
    after = consumer._after(5) if isinstance(consumer, FlowConsumer) else consumer._after()
    if not 0 <= after < 2**63:
        raise Broken(f"a number that no row has: {after}")
    if isinstance(consumer, FlowConsumer):
        UUID(consumer._tab())
        consumer.follower = Follower("x", after, consumer._tab(), "Ada", lambda frame: None)
    else:
        consumer.reader = Reader("x", after, lambda frame: None)
        consumer.followed = Followed()
    if isinstance(sent, bytes):
        await consumer.receive(bytes_data=sent)
    else:
        await consumer.receive(text_data=sent)
    if isinstance(consumer, RunConsumer):
        delta = {"node": "each", "path": ["rows", 3], "text": "x"}
        consumer.followed.of(Frame([], [delta]))
    for frame in frames:
        json.loads(frame)
    return "answered" if frames else "ignored"
