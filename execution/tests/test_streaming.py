"""Streamed text on its way to whoever watches, whatever characters it holds."""

import asyncio
import json
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from execution.attempts import Attempt
from execution.models import NodeRun, Run, RunEvent
from execution.recording import CHANNEL
from execution.results import stream_checkpoint
from execution.streaming import Flusher, Stream, Stretch, _notify, part_of_step
from execution.tests.flows_for_tests import document, new_actor, output, published, start_node
from execution.views.steps import streamed_texts

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
    event = RunEvent.objects.get(run_id=stream.call["run_id"], type="node.delta")
    assert event.data["text"] == "a\ufffdb"


@pytest.mark.parametrize("committed", [False, True])
def test_stretches_are_kept_without_a_gap_when_the_database_dies_between_them(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    other = Stream({**stream.call, "node": "other"}, stream.attempt)
    dies = [True]

    def checkpoint(call: JSON, *rest: Any) -> None:
        if call["node"] != "other" or not dies:
            stream_checkpoint(call, *rest)
            return
        if committed:
            stream_checkpoint(call, *rest)
        dies.clear()
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr("execution.streaming.stream_checkpoint", checkpoint)
    for second, text in enumerate(("One ", "two ", "three")):
        _stream_for_a_second([stream, other], text, second)
    assert _kept_texts(stream) == {"ask": "One two three", "other": "One two three"}
    assert stream.is_kept
    assert other.is_kept


def _stream_for_a_second(streams: list[Stream], text: str, second: int) -> None:
    for one in streams:
        one.add(text)
        one.stretches_to_keep(second * 2.0)
        one.take_pieces()
    due = [stretch for one in streams for stretch in one.stretches_to_keep(second * 2.0 + 1.5)]
    asyncio.run(Flusher()._send([], due))


def _kept_texts(stream: Stream) -> dict[str, str]:
    """What a reload shows: stretches whose beginning is known."""
    texts: dict[str, str] = {}
    events = RunEvent.objects.filter(run_id=stream.call["run_id"], type="node.delta")
    for event in events.order_by("seq"):
        known = texts.setdefault(event.node, "")
        if event.data["offset"] <= len(known):
            texts[event.node] = known[: event.data["offset"]] + event.data["text"]
    return texts


def test_a_stream_that_begins_anew_drops_what_was_not_sent(stream: Stream) -> None:
    stream.add("old words")
    stream.take_pieces()
    stream.add(" unsent")
    stretch = Stretch(stream, 0, "old words")
    stream.restart()
    stream.put_back(stretch)
    stream.add("new")
    (piece,) = stream.take_pieces()
    delta = json.loads(piece)["d"]
    assert (delta["part"], delta["offset"], delta["text"]) == (1, 0, "new")
    assert stream.stretches_to_keep(0) == []
    assert stream.stretches_to_keep(5) == [Stretch(stream, 0, "new", 1)]


def test_what_a_step_streams_comes_after_all_before_it_whatever_process_it_is_in(
    stream: Stream,
) -> None:
    run = Run.objects.get(id=stream.call["run_id"])
    row = NodeRun.objects.create(run=run, node="ask", type="agent", status="running", attempt=1)
    # The node waited meanwhile, and goes on elsewhere in the same attempt.
    elsewhere = Stream(stream.call, stream.attempt)
    for one, number, text in ((stream, 1, "Let me see"), (elsewhere, 4, "It is")):
        one.restart(part_of_step(number, 1, 0))
        one.add(text)
        one.take_pieces()
        Stretch(one, 0, "".join(one._unkept), one.part).keep()
        assert streamed_texts(run, [row])["ask"].text == text
    parts = [part_of_step(4, 1, 1), part_of_step(4, 2, 0), part_of_step(6, 1, 0)]
    assert parts == sorted(parts)
    assert parts[0] > elsewhere.part
