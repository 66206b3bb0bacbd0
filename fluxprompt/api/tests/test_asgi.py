"""The API's own way through ASGI: limits of bodies, waiting without a thread, clients gone."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.db import connection
from django.http import HttpRequest

from execution.models import Run, RunEvent
from execution.tests.flows_for_tests import until
from flows.tests.fixtures import GREETING, Api
from fluxprompt.api.asgi import with_api

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = 100_000


class Caller:
    """An ASGI server's side of one call."""

    def __init__(self, app: Any, api: Api | None) -> None:
        self.app = app
        self.headers = [
            (name.lower().encode(), value.encode())
            for name, value in (api.headers if api else {}).items()
        ]
        self.read = 0
        self.read_before_answer = 0

    async def __call__(
        self,
        method: str,
        path: str,
        chunks: list[bytes] | AsyncIterator[bytes] = [],  # noqa: B006
        *,
        leaves: asyncio.Event | None = None,
        **headers: str,
    ) -> tuple[int, dict[str, str], bytes]:
        path, _, query = path.partition("?")
        named = [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(b"host", b"localhost"), *self.headers, *named],
        }
        messages = self._messages(chunks, leaves)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return await anext(messages)

        async def send(message: dict[str, Any]) -> None:
            if not sent:
                self.read_before_answer = self.read
            sent.append(message)

        await self.app(scope, receive, send)
        if not sent:
            return 0, {}, b""
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, body

    async def _messages(
        self, chunks: Any, leaves: asyncio.Event | None
    ) -> AsyncIterator[dict[str, Any]]:
        for chunk in chunks:
            self.read += len(chunk)
            yield {"type": "http.request", "body": chunk, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}
        await (leaves or asyncio.Event()).wait()
        yield {"type": "http.disconnect"}


@pytest.fixture
def call(api: Api, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Caller:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = LIMIT
    monkeypatch.setattr("execution.services.dispatch", lambda *args: None)
    return Caller(with_api(get_asgi_application()), api)


def test_a_call_with_a_key_is_answered(call: Caller) -> None:
    status, headers, body = asyncio.run(call("GET", "/api/v1/flows"))
    assert status == 200
    assert json.loads(body) == {"results": [], "next": None}
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_call_without_a_key_takes_the_sites_way_and_is_refused(call: Caller) -> None:
    call.headers = []
    status, headers, _ = asyncio.run(call("GET", "/api/v1/flows"))
    assert (status, headers["Content-Type"]) == (401, "application/problem+json")


def test_a_chunked_body_is_read(call: Caller) -> None:
    body = json.dumps({"document": GREETING}).encode()
    chunks = [body[:20], body[20:]]
    answer = call(
        "POST",
        "/api/v1/flows",
        chunks,
        content_type="application/json",
        transfer_encoding="chunked",
    )
    status, _, made = asyncio.run(answer)
    assert status == 201
    assert json.loads(made)["name"] == "Greeting"


@pytest.mark.parametrize("with_key", [True, False])
def test_a_body_announced_too_large_is_refused_by_its_length(call: Caller, with_key: bool) -> None:
    if not with_key:
        call.headers = []
    chunks = [b"x" * 10_000] * 100
    status, headers, body = asyncio.run(
        call("POST", "/api/v1/flows", chunks, content_length=str(10**6))
    )
    assert (status, headers["content-type"]) == (413, "application/problem+json")
    assert json.loads(body)["limit"] == LIMIT
    assert call.read_before_answer == 0


@pytest.mark.parametrize("with_key", [True, False])
def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(call: Caller, with_key: bool) -> None:
    if not with_key:
        call.headers = []
    chunks = [b"x" * 10_000] * 1000
    status, _, body = asyncio.run(
        call("POST", "/api/v1/flows", chunks, transfer_encoding="chunked")
    )
    assert status == 413
    assert json.loads(body)["code"] == "body_too_large"
    assert call.read_before_answer <= LIMIT + 10_000


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/v1/flows", 201), ("/api/v1/flows/nosuch/runs", 404), ("/api/v1/no", 404)],
)
def test_nothing_of_a_call_is_kept_once_it_is_answered(
    call: Caller, path: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The test runner keeps log records, and with them the requests they are about.
    monkeypatch.setattr("django.utils.log.request_logger.disabled", True)
    body = json.dumps({"document": GREETING}).encode()

    def answer() -> int:
        headers: dict[str, Any] = {
            "content_type": "application/json",
            "content_length": str(len(body)),
        }
        return asyncio.run(call("POST", path, [body], **headers))[0]

    def kept() -> int:
        return sum(issubclass(type(item), HttpRequest) for item in gc.get_objects())

    assert answer() == status
    gc.collect()
    gc.disable()
    try:
        before = kept()
        assert answer() == status
        # The thread that answered lets go a moment later.
        until(lambda: kept() == before, 5)
    finally:
        gc.enable()


@pytest.mark.parametrize("path", ["/accounts/login/", "/setup/x/"])
def test_a_form_that_is_open_to_all_takes_no_large_body(call: Caller, path: str) -> None:
    call.headers = []
    chunks = [b"x" * 100_000] * 50
    status, _, _ = asyncio.run(call("POST", path, chunks, transfer_encoding="chunked"))
    assert status == 413
    assert call.read_before_answer <= 1_200_000


def start_run(call: Caller, **headers: Any) -> Any:
    body = json.dumps({"inputs": {"name": "Ada"}}).encode()
    return call(
        "POST",
        "/api/v1/flows/greeting/runs",
        [body],
        content_type="application/json",
        content_length=str(len(body)),
        **headers,
    )


def publish(api: Api) -> None:
    api.post("/flows", {"document": GREETING})
    api.post("/flows/greeting/publish")


def end_run() -> None:
    """As the worker's last recording step does it."""
    run = Run.objects.get()
    Run.objects.update(status="succeeded", outputs={"result": "Hello Ada"}, finished_at=now())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify('flux_runs', %s)", [json.dumps({"r": str(run.id), "e": 1})]
        )
    connection.close()


def now() -> datetime:
    return datetime.now(UTC)


def test_whoever_waits_is_answered_when_the_run_ends(call: Caller, api: Api) -> None:
    publish(api)

    async def journey() -> tuple[Any, float]:
        loop = asyncio.get_running_loop()
        waiting = asyncio.create_task(start_run(call, prefer="wait=20"))
        while not await sync_to_async(Run.objects.exists, thread_sensitive=False)():
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        assert not waiting.done()
        ended_at = loop.time()
        await sync_to_async(end_run, thread_sensitive=False)()
        return await waiting, loop.time() - ended_at

    (status, headers, body), seconds = asyncio.run(journey())
    run = json.loads(body)
    assert (status, headers["Preference-Applied"]) == (201, "wait=20")
    assert (run["status"], run["outputs"]) == ("succeeded", {"result": "Hello Ada"})
    assert run["version"] == 1
    assert seconds < 1


def test_after_the_time_preferred_the_run_is_answered_as_it_is(call: Caller, api: Api) -> None:
    publish(api)
    status, _, body = asyncio.run(start_run(call, prefer="wait=1"))
    assert (status, json.loads(body)["status"]) == (201, "queued")


def test_a_client_that_leaves_while_it_waits_is_forgotten(call: Caller, api: Api) -> None:
    publish(api)

    async def journey() -> Any:
        gone = asyncio.Event()
        waiting = asyncio.create_task(start_run(call, prefer="wait=60", leaves=gone))
        await asyncio.sleep(0.5)
        gone.set()
        return await asyncio.wait_for(waiting, 5)

    assert asyncio.run(journey()) == (0, {}, b"")
    assert Run.objects.get().status == "queued"


def test_many_can_wait_at_once(call: Caller, api: Api) -> None:
    """More than there are threads."""
    publish(api)

    async def journey() -> list[Any]:
        return await asyncio.gather(*(start_run(call, prefer="wait=2") for _ in range(60)))

    answers = asyncio.run(asyncio.wait_for(journey(), 30))
    assert {status for status, _, _ in answers} == {201}


def test_a_stream_is_sent_as_it_happens_and_ends_with_the_run(call: Caller, api: Api) -> None:
    publish(api)
    run = api.post("/flows/greeting/runs", {"inputs": {"name": "Ada"}}).json()
    Run.objects.update(status="succeeded")
    RunEvent.objects.create(
        run_id=run["id"], seq=2, key="end", at=now(), type="run.finished", data={}
    )
    answer = call("GET", f"/api/v1/runs/{run['id']}/events", accept="text/event-stream")
    status, headers, body = asyncio.run(asyncio.wait_for(answer, 20))
    assert (status, headers["Content-Type"]) == (200, "text/event-stream")
    assert body.index(b"event: run.queued") < body.index(b"event: run.finished")
