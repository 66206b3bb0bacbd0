"""Open editors: what they are sent, who is seen, and what ends their sockets."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import Membership, User, Workspace
from accounts.permissions import Actor
from accounts.services import create_workspace
from execution.live import page_socket
from execution.live.flow_consumer import QUEUE_LIMIT, FlowConsumer
from execution.live.flow_hub import GONE_AFTER, MOST_PEOPLE, FlowHub, Follower
from execution.live.page_socket import NOT_FOUND
from execution.live.said import SAID_LIMIT, TOO_MUCH
from execution.tests.sockets_for_tests import Socket, apart
from flows.change_log import CHANNEL
from flows.changes import Change, change_draft
from flows.models import Flow
from flows.services import create_flow
from flows.tests.fixtures import GREETING

JSON = Any


@pytest.fixture
def greeting(actor: Actor) -> Flow:
    return create_flow(actor, document=GREETING)


def label(actor: Actor, flow: Flow, value: str) -> None:
    flow.refresh_from_db()
    op = {"op": "set", "node": "result", "path": ["label"], "value": value}
    sent = [Change(uuid4(), "Name it", [op])]
    change_draft(actor, flow, tab=uuid4(), base=flow.revision, changes=sent)


def names(frame: JSON) -> set[str]:
    return {person["name"] for person in frame.get("people", [])}


live = pytest.mark.django_db(transaction=True)


@live
def test_a_page_is_greeted_and_then_sent_what_changed_since(
    actor: Actor, greeting: Flow, owner: tuple[User, Workspace]
) -> None:
    label(actor, greeting, "First")

    async def follow() -> list[JSON]:
        tab = str(uuid4())
        socket = Socket(greeting, owner[0], f"tab={tab}&after=1")
        hello = await socket.open()
        assert hello["hello"]["revision"] == 2
        assert [person["tab"] for person in hello["hello"]["people"]] == [tab]
        frames = [await socket.next(lambda frame: "changes" in frame)]
        await asyncio.to_thread(apart, label, actor, greeting, "Second")
        frames.append(await socket.next(lambda frame: "changes" in frame))
        await socket.close()
        return frames

    first, second = asyncio.run(follow())
    assert [change["revision"] for change in (*first["changes"], *second["changes"])] == [2, 3]
    assert second["changes"][0]["ops"][0]["value"] == "Second"
    assert second["changes"][0]["by"] == actor.label


@live
def test_a_page_that_is_too_far_behind_is_told_so(
    actor: Actor, greeting: Flow, owner: tuple[User, Workspace]
) -> None:
    label(actor, greeting, "First")
    greeting.changes.all().delete()

    async def follow() -> JSON:
        socket = Socket(greeting, owner[0], "after=1")
        await socket.open()
        frame = await socket.next(lambda frame: "people" not in frame)
        await socket.close()
        return frame

    assert asyncio.run(follow()) == {"too_old": 2}


@live
def test_people_see_each_other_and_what_is_selected_and_who_leaves(
    greeting: Flow, owner: tuple[User, Workspace]
) -> None:
    bob = User.objects.create_user("bob@example.com", "correct horse battery", name="Bob")
    Membership.objects.create(user=bob, workspace=owner[1], role="viewer")

    async def meet() -> None:
        ada, other = Socket(greeting, owner[0]), Socket(greeting, bob)
        await ada.open()
        await other.open()
        seen = await ada.next(lambda frame: "Bob" in names(frame))
        assert {person["initial"] for person in seen["people"]} == {"A", "B"}
        said = {"selected": ["result", "Not a name", 7]}
        await other.say(json.dumps(said))
        seen = await ada.next(
            lambda frame: any(p["selected"] == ["result"] for p in frame.get("people", []))
        )
        assert names(seen) == {"ada@example.com", "Bob"}
        await other.close()
        await ada.next(lambda frame: names(frame) == {"ada@example.com"})
        await ada.close()

    asyncio.run(meet())


@live
def test_who_may_not_see_the_flow_gets_no_socket(
    greeting: Flow, owner: tuple[User, Workspace], without_examples: None
) -> None:
    eve = User.objects.create_user("eve@example.com", "correct horse battery")
    create_workspace(eve, name="Elsewhere")
    gone = Flow(id=uuid4())

    async def knock(flow: Flow, user: User) -> JSON:
        return await Socket(flow, user).open()

    assert asyncio.run(knock(greeting, eve)) == NOT_FOUND
    assert asyncio.run(knock(gone, owner[0])) == NOT_FOUND


@live
@pytest.mark.parametrize("what", ["membership", "flow"])
def test_who_is_removed_is_cut_off(
    greeting: Flow, owner: tuple[User, Workspace], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(page_socket, "ASK_AGAIN", 0.2)

    def remove() -> None:
        if what == "flow":
            Flow.objects.filter(id=greeting.id).delete()
        else:
            Membership.objects.filter(user=owner[0]).delete()

    async def stay() -> JSON:
        socket = Socket(greeting, owner[0])
        await socket.open()
        await asyncio.to_thread(apart, remove)
        code = await socket.next(lambda frame: False)
        await socket.close()
        return code

    assert asyncio.run(stay()) == NOT_FOUND


@live
def test_a_ping_is_answered_rubbish_is_not_and_a_flood_ends_the_socket(
    greeting: Flow, owner: tuple[User, Workspace]
) -> None:
    async def talk() -> JSON:
        socket = Socket(greeting, owner[0])
        await socket.open()
        for rubbish in ("{", "[]", '{"selected": 7}', "[" * 5_000, '"' + "x" * 20_000 + '"'):
            await socket.say(rubbish)
        await socket.say('{"ping": 1}')
        assert await socket.next(lambda frame: "people" not in frame) == {"pong": 1}
        for _ in range(SAID_LIMIT):
            await socket.say("{}")
        code = await socket.next(lambda frame: False)
        await socket.close()
        return code

    assert asyncio.run(talk()) == TOO_MUCH


def test_frames_for_a_page_that_does_not_read_are_limited() -> None:
    async def flood() -> int:
        socket = FlowConsumer()
        socket.queue = asyncio.Queue()
        for _ in range(5_000):
            socket._queue({})
        return socket.queue.qsize()

    assert asyncio.run(flood()) == QUEUE_LIMIT + 2


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _hub(clock: Clock) -> tuple[FlowHub, Follower, list[JSON]]:
    """A hub without its threads, and a follower of flow `f` with what it was given."""
    hub = FlowHub(clock)
    hub._ensure_started = lambda: None  # type: ignore[method-assign]
    frames: list[JSON] = []
    follower = Follower(str(uuid4()), 1, "me", "Ada", frames.append)
    hub.follow(follower)
    hub._dirty.clear()
    return hub, follower, frames


def word(follower: Follower, tab: str, **more: JSON) -> str:
    shown = {"name": tab, "initial": "X", "selected": [], **more}
    return json.dumps({"flow": follower.flow_id, "tab": tab, **shown})


@pytest.mark.django_db
def test_who_is_silent_is_gone_and_who_speaks_stays() -> None:
    clock = Clock()
    hub, follower, frames = _hub(clock)
    hub.hear(word(follower, "other"))
    hub.round()
    assert [person["tab"] for person in frames[-1]["people"]] == ["me", "other"]
    clock.now += GONE_AFTER - 1
    hub.hear(word(follower, "me"))
    clock.now += 2
    hub.round()
    assert [person["tab"] for person in frames[-1]["people"]] == ["me"]


@pytest.mark.django_db
def test_words_that_say_nothing_new_are_not_handed_on() -> None:
    hub, follower, frames = _hub(Clock())
    hub.hear(word(follower, "other"))
    hub.round()
    count = len(frames)
    hub.hear(word(follower, "other"))
    hub.hear(json.dumps({"flow": str(uuid4()), "revision": 9}))
    hub.round()
    assert len(frames) == count


@pytest.mark.django_db
def test_so_many_people_are_shown_and_not_more() -> None:
    hub, follower, frames = _hub(Clock())
    for number in range(600):
        hub.hear(word(follower, f"tab {number}"))
    hub.round()
    assert len(frames[-1]["people"]) == MOST_PEOPLE
    assert len(hub._people[follower.flow_id]) == 500


@live
def test_other_processes_hear_who_is_here_every_ten_seconds() -> None:
    import psycopg

    from execution.database import connection_parameters

    clock = Clock()
    hub, follower, _ = _hub(clock)
    with psycopg.connect(**connection_parameters(), autocommit=True) as listening:
        listening.execute(f"LISTEN {CHANNEL}")
        for seconds in (0, 5, 5):
            clock.now += seconds
            hub.round()
        hub.hear(json.dumps({"flow": follower.flow_id, "ask": 1}))
        hub.round()
        hub.forget(follower)
        hub.round()
        heard = [json.loads(n.payload) for n in listening.notifies(timeout=2, stop_after=5)]
    kinds = ["ask" if "ask" in w else "gone" if "gone" in w else w["name"] for w in heard]
    assert kinds == ["ask", "Ada", "Ada", "Ada", "gone"]
