"""What ends the socket of a page, and that nothing of it stays behind."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.auth import AuthMiddlewareStack
from django.conf import settings
from django.test import Client

from accounts.models import Membership, User, Workspace
from accounts.operators.maintenance import Notice
from accounts.operators.remembered import Remembered
from accounts.permissions import Actor
from execution.live import consumers, flow_consumer, page_socket
from execution.live.consumers import RunConsumer
from execution.live.flow_consumer import FlowConsumer
from execution.live.flow_hub import flow_hub
from execution.live.hub import hub
from execution.live.page_socket import COME_BACK, MOST_FAILURES, NOT_FOUND
from execution.live.said import SAID_LIMIT
from execution.models import Run
from execution.tests.pages_for_tests import make_run
from execution.tests.sockets_for_tests import Socket, apart, scope_of
from flows.models import Flow
from flows.services import create_flow
from flows.tests.fixtures import GREETING

JSON = Any
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def greeting(actor: Actor) -> Flow:
    return create_flow(actor, document=GREETING)


@pytest.fixture(params=["flow", "run"])
def shown(
    request: pytest.FixtureRequest, greeting: Flow, monkeypatch: pytest.MonkeyPatch
) -> Flow | Run:
    """What a page shows; it is asked often whether it may still be seen."""
    monkeypatch.setattr(page_socket, "ASK_AGAIN", 0.1)
    if request.param == "flow":
        return greeting
    return make_run(greeting, "running")


def code_after(shown: Flow | Run, user: User, work: Callable[[Socket], Any]) -> JSON:
    """The code that an open socket is closed with after this work."""

    async def stay() -> JSON:
        socket = Socket(shown, user)
        assert isinstance(await socket.open(), dict)
        await asyncio.to_thread(apart, work, socket)
        code = await socket.next(lambda frame: False)
        await socket.close()
        return code

    return asyncio.run(stay())


def test_who_is_removed_or_sees_what_was_deleted_is_cut_off(
    shown: Flow | Run, owner: tuple[User, Workspace]
) -> None:
    members = Membership.objects.filter(user=owner[0])
    assert code_after(shown, owner[0], lambda _: members.delete()) == NOT_FOUND


def test_who_is_signed_out_is_asked_to_come_back(
    shown: Flow | Run, owner: tuple[User, Workspace]
) -> None:
    assert code_after(shown, owner[0], lambda at: at.scope["session"].delete()) == COME_BACK


def test_who_changed_their_password_is_asked_to_come_back(
    shown: Flow | Run, owner: tuple[User, Workspace]
) -> None:
    def change(_: Socket) -> None:
        user = User.objects.get(pk=owner[0].pk)
        user.set_password("n3w battery x")
        user.save()

    assert code_after(shown, owner[0], change) == COME_BACK


def test_a_socket_stays_as_long_as_the_session_of_its_cookie(
    shown: Flow | Run, owner: tuple[User, Workspace]
) -> None:
    client = Client()
    client.force_login(owner[0])

    async def stay() -> JSON:
        socket = Socket(shown, owner[0])
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].OutputString()
        bare = {key: socket.scope[key] for key in ("type", "path", "query_string", "url_route")}
        scope = {**bare, "headers": [(b"cookie", cookie.encode())]}
        consumer = FlowConsumer if isinstance(shown, Flow) else RunConsumer
        socket.line = ApplicationCommunicator(AuthMiddlewareStack(consumer.as_asgi()), scope)
        assert isinstance(await socket.open(), dict)
        await asyncio.sleep(8 * page_socket.ASK_AGAIN)
        frames = [
            socket.line.output_queue.get_nowait() for _ in range(socket.line.output_queue.qsize())
        ]
        assert {frame["type"] for frame in frames} <= {"websocket.send"}
        await asyncio.to_thread(apart, client.logout)
        code = await socket.next(lambda frame: False)
        await socket.close()
        return code

    assert asyncio.run(stay()) == COME_BACK


@pytest.mark.parametrize("failures", [MOST_FAILURES - 1, 1_000])
def test_a_database_that_is_away_is_asked_again_and_not_for_ever(
    shown: Flow | Run,
    owner: tuple[User, Workspace],
    monkeypatch: pytest.MonkeyPatch,
    failures: int,
) -> None:
    asked: list[bool] = []

    def away(actor: Actor, action: str) -> bool:
        asked.append(len(asked) < failures)
        if asked[-1]:
            raise OSError("The database is away.")
        return False

    for module in (consumers, flow_consumer):
        monkeypatch.setattr(module, "still_may", away)
    code = code_after(shown, owner[0], lambda _: None)
    assert (code, len(asked)) == (
        (NOT_FOUND, MOST_FAILURES) if failures < MOST_FAILURES else (COME_BACK, MOST_FAILURES)
    )


def test_a_page_that_is_gone_while_it_is_answered_is_forgotten(
    shown: Flow | Run, owner: tuple[User, Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_socket, "ASK_AGAIN", 60)
    is_flow = isinstance(shown, Flow)
    consumer: Any = FlowConsumer() if is_flow else RunConsumer()
    followed = flow_hub()._followers if is_flow else hub()._readers

    async def talk() -> None:
        said: asyncio.Queue[JSON] = asyncio.Queue()
        said.put_nowait({"type": "websocket.connect"})
        for _ in range(SAID_LIMIT + 1):
            said.put_nowait({"type": "websocket.receive", "text": "{}"})

        async def send(message: JSON) -> None:
            if message["type"] == "websocket.close":
                assert str(shown.id) in followed
                raise ConnectionResetError("The page is gone.")

        with pytest.raises(ConnectionResetError):
            await consumer(scope_of(shown, owner[0]), said.get, send)
        await asyncio.wait(consumer.tasks, timeout=5)
        assert all(task.cancelled() for task in consumer.tasks)

    asyncio.run(talk())
    assert str(shown.id) not in followed


@pytest.mark.parametrize("query", [b"after=" + b"9" * 4_000, b"after=\xff\xfe", b"after=-1"])
def test_a_place_in_the_events_that_is_none_means_the_beginning(query: bytes) -> None:
    consumer = RunConsumer()
    consumer.scope = {"query_string": query}
    assert consumer._after() == 0


def test_many_sockets_ask_once_about_maintenance_and_not_at_all_while_it_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []

    def read() -> Notice | None:
        asked.append(time.monotonic())
        time.sleep(0.1)
        return Notice("New disks.")

    remembered: Remembered[Notice | None] = Remembered(read, None)
    monkeypatch.setattr("accounts.operators.maintenance._notice", remembered)

    async def all_at_once() -> list[str | None]:
        return await asyncio.gather(*(page_socket._told() for _ in range(50)))

    async def twice() -> list[str | None]:
        return [*await all_at_once(), *await all_at_once()]

    threads = _spy_on_threads(monkeypatch)
    assert set(asyncio.run(twice())) == {"New disks."}
    assert (len(asked), len(threads)) == (1, 1)
    remembered.forget()
    # In another loop, as the next process has one.
    assert set(asyncio.run(all_at_once())) == {"New disks."}
    assert (len(asked), len(threads)) == (2, 2)


def _spy_on_threads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What crosses to a thread."""
    crossed: list[Any] = []

    def spy(function: Any, **how: Any) -> Any:
        crossed.append(function)
        return sync_to_async(function, **how)

    monkeypatch.setattr(page_socket, "sync_to_async", spy)
    return crossed
