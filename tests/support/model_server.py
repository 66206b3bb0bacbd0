"""A scripted model server over a real socket: `python -m tests.support.model_server --port 0`.

It speaks chat completions, responses and messages, streaming or not, and embeddings, and behaves as
markers in the model's name or prompt say (see model_behaviours). `GET /calls` counts what was
asked, so that a test in another process can tell how often a prompt reached a model; `DELETE
/calls` forgets it.
"""

import argparse
import asyncio
import json
import signal
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, cast

import httptools

from tests.support.embeddings import Embeddings
from tests.support.model_behaviours import Behaviour, behave, pieces
from tests.support.model_dialects import DIALECTS, Chat, Dialect, Speaker
from tests.support.model_media import MEDIA, answer_media, billed_for, read_media
from tests.support.model_questions import Question, called, read, tally
from tests.support.model_script import Call, Match, Script

TOO_LONG = "prompt is too long: 250000 tokens > 200000 maximum (the maximum context length)"
WRITE_BYTES = 65_536
_SPOKEN = {**DIALECTS, "/v1/embeddings": Embeddings}


class Connection(asyncio.Protocol):
    """One client's connection. Requests on it are answered one after the other."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.parser = httptools.HttpRequestParser(self)
        self.tasks: set[asyncio.Task[None]] = set()
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.script.connections += 1
        self.script.transports.add(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.writable.set()
        self.script.transports.discard(self.transport)
        for task in self.tasks:
            task.cancel()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_message_begin(self) -> None:
        self.url, self.headers, self.body = b"", {}, bytearray()  # type: ignore[var-annotated]

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        method = self.parser.get_method().decode()
        path = self.url.decode("latin-1").partition("?")[0]
        task = asyncio.ensure_future(self.answer(method, path, self.headers, bytes(self.body)))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        if path in MEDIA and method == "POST":
            await self.medium(path, headers, body)
            return
        dialect = _SPOKEN.get(path)
        if dialect is None or method != "POST":
            self.other(method, path)
            return
        try:
            question = read(path, json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.json(400, dialect.error(400, f"cannot read this request: {error!r}"))
            return
        call = self.script.record(path, question, headers)
        behaviour = self.script.behaviour(call, question)
        try:
            speaker = dialect(question, behaviour, tally(question, behaviour))
            done = await self.perform(speaker, behaviour, question)
        except asyncio.CancelledError:
            call.state = "aborted"
            raise
        if done:
            call.billed = (speaker.tally.input, speaker.tally.output)
        call.state = "answered" if done else "failed"
        if done:
            self.script.answered[call.asked] += 1

    async def medium(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """A picture or sound; the model's name says how it behaves."""
        asked = read_media(path, headers, body)
        call = self.script.record(path, asked, headers)
        behaviour = self.script.behaviour(call, asked)
        if behaviour.delay_ms:
            await asyncio.sleep(behaviour.delay_ms / 1000)
        if behaviour.hang:
            await asyncio.Event().wait()
        if behaviour.too_long or behaviour.error:
            self.refuse(Chat, behaviour)
        elif behaviour.refusal or behaviour.filter:
            code = "moderation_blocked" if behaviour.refusal else "content_filter"
            self.json(400, Chat.error(400, "scripted refusal", code))
        elif not self.breaks(behaviour):
            call.billed = billed_for(path, asked)
            self.send(200, *answer_media(path, asked))

    def refuse(self, dialect: Speaker, behaviour: Behaviour) -> None:
        """An error in place of an answer."""
        if behaviour.too_long:
            self.json(400, dialect.error(400, TOO_LONG, "context_length_exceeded"))
            return
        more = {} if behaviour.retry_after is None else {"retry-after": behaviour.retry_after}
        text = f"scripted error {behaviour.error}"
        self.json(behaviour.error, dialect.error(behaviour.error, text), more)

    def breaks(self, behaviour: Behaviour) -> bool:
        """Whether what comes in place of a whole answer is half of one, or none of JSON."""
        if behaviour.disconnect:
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            self.transport.close()
        elif behaviour.malformed:
            self.send(200, "application/json", b'{"data": [')
        return behaviour.disconnect or behaviour.malformed

    def other(self, method: str, path: str) -> None:
        if path == "/calls" and method == "DELETE":
            self.script.forget()
            self.json(200, {})
        elif path == "/calls":
            self.json(200, self.script.report())
        elif path == "/v1/models":
            self.json(200, {"object": "list", "data": [{"id": "echo", "object": "model"}]})
        else:
            self.json(404, Chat.error(404, f"no such address: {method} {path}"))

    async def perform(self, dialect: Dialect, behaviour: Behaviour, question: Question) -> bool:
        """Answers as told; False when what was sent is not a whole answer."""
        if behaviour.delay_ms:
            await asyncio.sleep(behaviour.delay_ms / 1000)
        if behaviour.hang:
            await asyncio.Event().wait()
        if behaviour.too_long or behaviour.error:
            self.refuse(dialect, behaviour)
            return False
        said = pieces(behaviour, "; ".join(question.results) or question.asked, question.schema)
        if called(question, behaviour):
            said = iter(("I ", "look."))
        if question.stream:
            return await self.stream(dialect, behaviour, said)
        if self.breaks(behaviour):
            return False
        parts = list(said)
        dialect.tally.output = len(parts)
        self.json(200, dialect.whole("".join(parts)))
        return True

    async def stream(self, dialect: Dialect, behaviour: Behaviour, said: Any) -> bool:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        broken = behaviour.disconnect or behaviour.cut or behaviour.malformed or behaviour.stall
        waiting = bytearray()
        for index, line in enumerate(dialect.stream(said)):
            if (broken or behaviour.stream_error) and index == dialect.PREAMBLE + 1:
                self.chunk(waiting)
                if behaviour.stall:
                    await asyncio.Event().wait()
                self.break_off(dialect, behaviour)
                return False
            waiting += line
            if behaviour.gap_ms:
                self.chunk(waiting)
                await asyncio.sleep(behaviour.gap_ms / 1000)
            elif len(waiting) >= WRITE_BYTES:
                self.chunk(waiting)
                await self.writable.wait()
        self.chunk(waiting)
        self.transport.write(b"0\r\n\r\n")
        return True

    def break_off(self, dialect: Dialect, behaviour: Behaviour) -> None:
        if behaviour.disconnect:
            self.transport.close()
            return
        if behaviour.malformed:
            self.chunk(bytearray(b'event: message\ndata: {"id": "x", "choi\n\n'))
        elif behaviour.stream_error:
            self.chunk(bytearray(dialect.stream_error()))
        self.transport.write(b"0\r\n\r\n")

    def chunk(self, waiting: bytearray) -> None:
        if waiting:
            self.transport.write(b"%x\r\n%b\r\n" % (len(waiting), bytes(waiting)))
            waiting.clear()

    def json(self, status: int, value: Any, headers: dict[str, Any] | None = None) -> None:
        self.send(status, "application/json", json.dumps(value).encode(), headers)

    def send(
        self, status: int, kind: str, content: bytes, headers: dict[str, Any] | None = None
    ) -> None:
        more = "".join(f"{name}: {text}\r\n" for name, text in (headers or {}).items())
        head = (
            f"HTTP/1.1 {status} scripted\r\ncontent-type: {kind}\r\n{more}"
            f"content-length: {len(content)}\r\n\r\n"
        )
        self.transport.write(head.encode() + content)


async def listen(script: Script, port: int = 0) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(script), "127.0.0.1", port, backlog=512)


class ModelServer:
    """The server in a thread of the test's process: `with ModelServer() as server: …`."""

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._script = Script()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True, name="model-server")

    @property
    def url(self) -> str:
        """Address without a path; OpenAI's base URL is this and `/v1`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def calls(self) -> list[Call]:
        return list(self._script.calls)

    @property
    def connections(self) -> int:
        """How many connections were opened since the server started."""
        return self._script.connections

    def script(self, match: Match, behaviour: str | Behaviour) -> None:
        """From now on calls whose prompt holds `match` (or whose model it is) behave so."""
        told = behave(behaviour) if isinstance(behaviour, str) else behaviour
        self._script.rules.insert(0, (match, told))

    def reset(self) -> None:
        self._script.rules.clear()
        self._script.forget()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the model server did not start within 10 seconds")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await listen(self._script, self._port)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        await _close(server, self._script)


async def _close(server: asyncio.Server, script: Script) -> None:
    server.close()
    for transport in list(script.transports):
        transport.abort()
    await asyncio.sleep(0)
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _main(port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    script = Script()
    server = await listen(script, port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    await _close(server, script)


def run(main: Coroutine[Any, Any, None]) -> None:
    """On uvloop where it is installed: half the time per call in benchmarks."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0, help="0 picks a free one and prints it")
    run(_main(arguments.parse_args().port))
