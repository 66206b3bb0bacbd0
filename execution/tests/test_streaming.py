"""Streamed text on its way to whoever watches, whatever characters it holds."""

import json
from typing import Any

import psycopg
import pytest
from django.db import connection

from execution.attempts import Attempt
from execution.recording import CHANNEL
from execution.streaming import Stream, Stretch, _notify
from execution.tests.flows_for_tests import document, new_actor, output, published, start_node

JSON = Any


@pytest.fixture
def stream(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Stream:
    """The stream of a run that has just been recorded."""
    from django.utils import timezone

    from execution.models import Run

    actor = new_actor()
    nodes = [start_node("text"), output("{{ start.text }}")]
    flow = published(actor, document(nodes, ["start>end"]))
    run = Run.objects.create(
        workspace_id=actor.workspace_id,
        flow=flow,
        version=flow.published,
        status="running",
        created_at=timezone.now(),
        last_seq=1,
    )
    call: JSON = {"run_id": str(run.id), "node": "ask", "path": []}
    monkeypatch.setattr("execution.streaming._flusher", lambda: _Quiet())
    return Stream(call, Attempt(1, 1))


class _Quiet:
    def wake(self, stream: Stream) -> None:
        """The test sends by itself."""


def heard(payloads: list[str]) -> list[JSON]:
    """What a listener hears of these payloads."""
    given = connection.get_connection_params()
    places = {name: given[name] for name in given if name in ("host", "port", "user", "dbname")}
    places["password"] = given.get("password", "")
    with psycopg.connect(**places, autocommit=True) as listening:
        listening.execute(f"LISTEN {CHANNEL}")
        _notify(payloads)
        found = [json.loads(item.payload) for item in listening.notifies(timeout=1)]
    return [item["d"] for item in found if "d" in item]


@pytest.mark.parametrize("text", ["\U0001f600" * 3_000, "\x01" * 3_000, "\u4e2d" * 3_000, '"' * 9])
def test_text_of_any_characters_is_heard_whole(stream: Stream, text: str) -> None:
    stream.add(text)
    pieces = heard(stream.take_pieces())
    assert "".join(piece["text"] for piece in pieces) == text
    assert [piece["offset"] for piece in pieces] == list(range(0, len(text), 1_200))


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_text_that_cannot_be_stored_is_kept_with_a_mark(stream: Stream, text: str) -> None:
    stream.add(text)
    assert heard(stream.take_pieces())[0]["text"] == "a\ufffdb"
    Stretch(stream, 0, "".join(stream._unkept)).keep()
    from execution.models import RunEvent

    event = RunEvent.objects.get(run_id=stream.call["run_id"], type="node.delta")
    assert event.data["text"] == "a\ufffdb"
