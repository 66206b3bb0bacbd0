"""The API's own way through ASGI: one hop to a thread per call, and waiting that holds no thread.

Django's handler gives each request a thread of its own and crosses to it once for most
middlewares. Calls with a key need no session, no messages and no CSRF, so they take this way;
browsers and everything else go to the site.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponseBase
from django.middleware.security import SecurityMiddleware
from django.urls import set_script_prefix

from fluxprompt.api.problems import MEDIA_TYPE, body_too_large
from fluxprompt.maintenance import maintenance
from fluxprompt.security_headers import HEADERS, security_headers

type Message = Mapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

PREFIX = "/api/v1/"
#: Pages that nobody has to sign in for, and the bytes that their forms may have.
OPEN_TO_ALL = ("/accounts/", "/setup/")
OPEN_BODY = 1_000_000
#: Bytes around the files of a form: other fields, names, boundaries.
FORM_BYTES = 1_000_000
#: Threads for API calls: more than the database pool has connections would only queue there.
THREADS = 8
#: Seconds for which the rest of a refused body is read and thrown away.
LINGER_SECONDS = 10
#: What the first answer says of the key's calls, and a later one has to say as well.
LIMIT_HEADERS = ("RateLimit", "RateLimit-Policy")
#: In `request.META`: the handler can wait for a view (see `Later`).
CAN_WAIT = "flux.can_wait"


@dataclass(frozen=True)
class Later:
    """Set as `response.later` by a view that wants to answer once something has happened.

    `wait` runs on the event loop; `finish` then makes the response, on a thread.
    """

    wait: Callable[[], Awaitable[Any]]
    finish: Callable[[], HttpResponseBase]


class KeyHandler(ASGIHandler):
    """Serves API calls that carry a key."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        # The sync half of Django's handler, which its stubs leave out.
        inner = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]
        self._middleware_chain = security_headers(
            maintenance(convert_exception_to_response(SecurityMiddleware(inner)))
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="api")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with closing(body):
            request, refusal = self.create_request(scope, body)
            if request is None or refusal is not None:
                assert refusal is not None
                await self.send_response(refusal, send)
                return
            request.META[CAN_WAIT] = True
            response = await self._in_thread(self._respond, scope, request)
            if (later := getattr(response, "later", None)) is not None:
                if not await self._unless_gone(receive, later.wait()):
                    return
                first, response = response, await self._in_thread(self._finish, later)
                for name in LIMIT_HEADERS:
                    if name in first.headers:
                        response.headers[name] = first.headers[name]
            if response.streaming:
                await self._unless_gone(receive, self.send_response(response, send))
                await self._in_thread(response.close)
            else:
                # Without it the server would send chunks, which some clients read slowly.
                response.headers.setdefault("Content-Length", str(len(response.content)))
                await self.send_response(response, send)

    async def _in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)

    def _respond(self, scope: dict[str, Any], request: HttpRequest) -> HttpResponseBase:
        """The whole of Django's part. Closing gives the connection back to the pool."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        response = self.get_response(request)
        if not response.streaming:
            response.close()
        return response

    def _finish(self, later: Later) -> HttpResponseBase:
        try:
            return later.finish()
        finally:
            signals.request_finished.send(sender=self.__class__)

    async def _unless_gone(self, receive: Receive, work: Any) -> bool:
        """Run `work` until it is done (True) or the client has gone (False)."""
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
                return True
            return False
        finally:
            for item in (task, gone):
                item.cancel()
            await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def with_api(site: App) -> App:
    """The application: API calls with a key by the short way, the rest by the site.

    A body over the limit is refused before it is kept.
    """
    by_key: App = KeyHandler()

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await site(scope, receive, send)
            return
        short = scope["path"].startswith(PREFIX) and _has_key(scope)
        await _limited(by_key if short else site, scope, receive, send)

    return application


def _has_key(scope: dict[str, Any]) -> bool:
    return any(name in (b"authorization", b"api-key") for name, _ in scope["headers"])


async def _limited(app: App, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """413 by the announced length, or as soon as more than the limit has arrived."""
    headers = dict(scope["headers"])
    limit = _limit(scope["path"], headers)
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > limit:
        await _refuse(receive, send, limit)
        return
    arrived = 0
    refused = False

    async def counted() -> Message:
        nonlocal arrived, refused
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > limit:
            refused = True
            # To the application this looks like a client that left: it drops what it has.
            return {"type": "http.disconnect"}
        return message

    await app(scope, counted, send)
    if refused:
        await _refuse(receive, send, limit)


def _limit(path: str, headers: Mapping[bytes, bytes]) -> int:
    """Bytes that the body of a request may have; a form may carry a file beside its fields."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if path.startswith(OPEN_TO_ALL):
        return min(limit, OPEN_BODY)
    if headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data"):
        return max(limit, settings.FLUX_FILE_MAX_BYTES + FORM_BYTES)
    return limit


async def _refuse(receive: Receive, send: Send, limit: int) -> None:
    """413 at once; then what still comes is thrown away for a while.

    Closing on a client that is sending would reset the connection before it reads the answer.
    """
    body = json.dumps(body_too_large(limit).as_dict()).encode()
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b""})
