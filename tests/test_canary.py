"""A secret in a step that fails in the worst place is found nowhere (S12).

Every node type that can hold or meet a secret talks to a server that repeats all it was sent, in
its errors. Then the secret is looked for wherever anything is kept or told.
"""

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, TCPServer, ThreadingTCPServer
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from temporalio.client import Client as Temporal

from accounts.permissions import Actor
from accounts.services import create_api_key, create_credential
from execution.admission import CHANNEL as ADMISSION
from execution.models import Run
from execution.recording import CHANNEL as NEWS
from execution.services import start_run
from execution.streaming import CHANNEL as PIECES
from execution.tests.flows_for_tests import (
    document,
    ended,
    new_actor,
    output,
    published,
    start_node,
)
from flows.engine.registry import registry
from flows.tests.fixtures import Api
from fluxprompt.testing.live_stack import LiveStack

CANARY = "sk-canary/+Zq7f3a91&x"
#: How it may be written down: as it is, as JSON and addresses have it, in base64 at any offset.
WRITTEN = {
    CANARY,
    quote(CANARY, safe=""),
    quote(CANARY),
    json.dumps(CANARY.replace("/", "\\/"))[1:-1],
    CANARY.replace("&", "\\u0026"),
    CANARY.replace("&", "&amp;"),
    *(base64.b64encode(b"x" * n + CANARY.encode() + b"yy").decode()[4:-4] for n in range(3)),
    CANARY.encode().hex(),
}
TEXT = "say it"
#: Node types that never hold a secret, nor speak to anybody who was sent one.
WITHOUT = {
    *("approval", "code", "file_read", "file_write", "if", "input", "list", "loop", "math"),
    *("memory", "merge", "note", "output", "parse", "stop", "switch", "template", "transform"),
    *("wait", "webpage", "knowledge"),
}


class Echo(BaseHTTPRequestHandler):
    """Refuses every call, and says all that it was sent."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        sent = f"{self.path} {self.headers} {self.rfile.read(length)!r}"
        secret = str(self.headers.get("x-api-key") or self.headers.get("Authorization") or "")
        body = json.dumps({"error": {"message": f"bad key {secret}", "sent": sent}}).encode()
        self.send_response(401, "no")
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Sent", secret)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        ECHOED.append(secret)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *args: Any) -> None:
        pass


class Refuses(BaseRequestHandler):
    """Takes a line and breaks off, as what is neither a database nor a mail server."""

    def handle(self) -> None:
        self.request.sendall(b"554 go away\r\n")


ECHOED: list[str] = []
#: Tried once, or the test would wait between the tries.
ONCE = {"retry": {"max_attempts": 1}, "timeout_seconds": 10}


@pytest.fixture
def echo() -> Iterator[tuple[int, int]]:
    """Ports of both."""
    servers: list[TCPServer] = [
        ThreadingHTTPServer(("127.0.0.1", 0), Echo),
        ThreadingTCPServer(("127.0.0.1", 0), Refuses),
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield int(servers[0].server_address[1]), int(servers[1].server_address[1])
    for server in servers:
        server.shutdown()
        server.server_close()


def steps(port: int) -> dict[str, dict[str, Any]]:
    """Settings by node type, each as bad as it gets."""
    web = f"http://127.0.0.1:{port}"
    call = {"url": f"{web}/{{{{ start.text }}}}", "method": "POST", "credential": "Bearer"}
    asks = {"model": "openai_compatible/m"}
    return {
        "http": {**call, "body": {"again": "{{ start.text }}"}},
        "llm": {**asks, "prompt": "{{ start.text }}"},
        "agent": {**asks, "prompt": "{{ start.text }}"},
        "classify": {**asks, "text": TEXT, "labels": [{"name": "a"}, {"name": "b"}]},
        "extract": {**asks, "text": TEXT, "schema": {"type": "object", "properties": {}}},
        "image": {**asks, "prompt": TEXT},
        "speech": {**asks, "text": TEXT, "voice": "alloy"},
        "transcribe": {**asks, "file": "{{ start.text }}"},
        "mcp": {"credential": "Tools", "tool": "x", "arguments": {"a": "{{ start.text }}"}},
        "email": {"credential": "Mail", "to": ["a@example.com"], "subject": "x", "body": "x"},
        "sql": {"credential": "Shop", "query": "SELECT 1"},
    }


def credentials(actor: Actor, port: int, other: int) -> None:
    web = f"http://127.0.0.1:{port}"
    at = {"host": "127.0.0.1", "port": str(other)}
    made: list[tuple[str, str, dict[str, str]]] = [
        ("Bearer", "bearer", {"token": CANARY}),
        ("Model", "openai_compatible", {"base_url": f"{web}/v1", "api_key": CANARY}),
        ("Tools", "mcp", {"url": f"{web}/mcp", "token": CANARY}),
        ("Mail", "smtp", {**at, "username": "ada", "password": CANARY, "sender": "a@example.com"}),
        (
            "Shop",
            "postgresql",
            {**at, "database": "x", "username": "ada", "password": CANARY, "tls": "off"},
        ),
        ("Basic", "basic", {"username": "ada", "password": CANARY}),
        ("Header", "header", {"header": "X-Api-Key", "value": CANARY}),
        ("Claude", "anthropic", {"api_key": CANARY, "base_url": web}),
    ]
    for name, kind, values in made:
        create_credential(actor, name=name, type=kind, values=values)


def _ask(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"id": "ask", "type": kind, "config": config, **ONCE}


def flows(actor: Actor, port: int) -> dict[str, Any]:
    """A flow for each type, and more for what hands errors on."""
    made = {}
    for kind, config in steps(port).items():
        nodes = [
            start_node("text"),
            {"id": "ask", "type": kind, "config": config, **ONCE},
            output("x"),
        ]
        way = "ask.a" if kind == "classify" else "ask"
        edges = ["start>ask", f"{way}>end"]
        made[kind] = published(actor, {**document(nodes, edges), "name": f"Canary {kind}"})
    for name in ("Basic", "Header"):
        config = {**steps(port)["http"], "credential": name}
        nodes = [
            start_node("text"),
            {"id": "ask", "type": "http", "config": config, **ONCE},
            output("x"),
        ]
        made[name] = published(actor, {**document(nodes, ["start>ask", "ask>end"]), "name": name})
    inner = {"flow": made["http"].slug, "inputs": {"text": "{{ start.text }}"}}
    nodes = [start_node("text"), {"id": "ask", "type": "subflow", "config": inner}, output("x")]
    made["subflow"] = published(actor, document(nodes, ["start>ask", "ask>end"]))
    nodes = [
        start_node("text"),
        {"id": "each", "type": "map", "config": {"items": ["a", "b"]}},
        {"id": "ask", "type": "http", "parent": "each", "config": steps(port)["http"], **ONCE},
        output("{{ each.items }}"),
    ]
    made["map"] = published(actor, document(nodes, ["start>each", "each>end"]))
    return made


def test_s12_every_node_type_is_asked_or_has_no_secret() -> None:
    asked = steps(1).keys() | {"subflow", "map"}
    assert asked | WITHOUT == {kind.type for kind in registry().all()}
    assert not asked & WITHOUT


def test_s12_a_secret_of_a_step_that_fails_is_found_nowhere(
    stack: LiveStack, echo: tuple[int, int]
) -> None:
    actor = new_actor()
    credentials(actor, *echo)
    ECHOED.clear()
    with psycopg.connect(stack.environment()["DATABASE_URL"], autocommit=True) as listener:
        for channel in (NEWS, PIECES, ADMISSION):
            listener.execute(f"LISTEN {channel}")
        started = {
            name: start_run(actor, flow, {"text": TEXT}).run
            for name, flow in flows(actor, echo[0]).items()
        }
        runs = {name: ended(run, 40) for name, run in started.items()}
        told = "".join(notice.payload for notice in listener.notifies(timeout=0.1))
    assert {name for name, run in runs.items() if run.error is None} <= {"map"}
    # The secret was sent, or this test would show nothing.
    assert len([said for said in ECHOED if _is_in(said)]) > 5
    found = [place for place, text in _kept(stack, actor, runs) if _is_in(text)]
    assert found == []
    assert str(runs["http"].id) in told
    assert not _is_in(told)


def _is_in(text: str) -> bool:
    return any(form in text for form in WRITTEN)


def _kept(stack: LiveStack, actor: Actor, runs: dict[str, Run]) -> Iterator[tuple[str, str]]:
    """Everything that is written down, by where."""
    yield from _tables()
    for name in ("web", "worker", "temporal"):
        text = stack.log(name).read_text(errors="replace")
        yield f"log of {name}", text
    yield from asyncio.run(_histories(runs))
    yield from _answers(actor, runs)


def _tables() -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            for form in WRITTEN:
                # As text a row shows all of its columns, bytes in hexadecimal.
                cursor.execute(
                    f'SELECT 1 FROM "{table}" AS t WHERE position(%s in t::text) > 0 LIMIT 1',
                    [form],
                )
                if cursor.fetchone():
                    yield f"table {table}", CANARY


async def _histories(runs: dict[str, Run]) -> list[tuple[str, str]]:
    """What Temporal holds of the runs, and its pages show: the bytes without any codec."""
    client = await Temporal.connect(settings.TEMPORAL_ADDRESS)
    found = []
    for name, run in runs.items():
        history = await client.get_workflow_handle(f"run-{run.id}").fetch_history()
        assert len(history.events) > 3, name
        data = b"".join(event.SerializeToString() for event in history.events)
        found.append((f"history of {name}", data.decode("latin-1")))
        found.append((f"page of {name}", history.to_json()))
    return found


def _answers(actor: Actor, runs: dict[str, Run]) -> Iterator[tuple[str, str]]:
    api = Api(create_api_key(actor, name="all")[1])
    for name, run in runs.items():
        paths = [f"/runs/{run.id}{end}" for end in ("", "/nodes", "/events", "/document")]
        paths += [f"/flows/{run.flow_id}/document?format={kind}" for kind in ("json", "yaml")]
        for path in paths:
            answer = api.get(path)
            assert answer.status_code == 200, path
            said = b"".join(answer.streaming_content) if answer.streaming else answer.content
            yield f"{name} {path}", said.decode()
