"""Nodes that call the web, in whole runs: credentials, pages of an answer, pages for people."""

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import pytest

from accounts.permissions import Actor
from accounts.services import create_credential
from execution.codec import decode_payloads
from execution.files.services import store_file
from execution.models import BlobPart, NodeRun, Run, RunEvent
from execution.temporal_client import connect
from execution.tests.flows_for_tests import (
    document,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)

JSON = Any
LIMITS = {"max_concurrent": 1, "requests_per_minute": 600}
pytestmark = pytest.mark.usefixtures("stack", "models")


class Service(BaseHTTPRequestHandler):
    """Repeats what it is told, in its body and its headers; has pages; and moves elsewhere."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name, _, query = self.path.partition("?")
        told = {name.lower(): value for name, value in self.headers.items()}
        if name == "/moved":
            return self._say(302, b"", Location=query)
        if name == "/broken":
            # The secret stands where the error cuts the answer.
            return self._say(500, b"x" * 290 + told["authorization"].encode())
        if name == "/pages":
            number = int(query.removeprefix("page=") or 1)
            more = f'</pages?page={number + 1}>; rel="next"' if number < 3 else ""
            return self._say(200, json.dumps([{"n": number}]).encode(), Link=more)
        if name == "/news":
            page = b"<main><h1>News</h1><p>{{ 1+1 }} <a href=/more>more</a></main><footer>x"
            return self._say(200, page, Content_Type="text/html")
        return self._say(200, json.dumps(told).encode(), X_Told=json.dumps(told))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = {"type": self.headers["Content-Type"], "body": body.decode()}
        self._say(200, json.dumps(told).encode())

    def _say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """Another origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run_of(actor: Actor, *nodes: dict[str, JSON], execution: str = "durable") -> Run:
    """A run of the nodes, one after the other."""
    names = [str(node["id"]) for node in nodes]
    every = [start_node("text"), *nodes, output({name: f"{{{{ {name} }}}}" for name in names})]
    edges = [f"{a}>{b}" for a, b in zip(["start", *names], [*names, "end"], strict=True)]
    settings = {"execution": execution}
    flow = published(actor, document(every, edges, settings=settings))
    return run_to_end(actor, flow, {"text": "x"})


def http(name: str, url: str, **config: JSON) -> dict[str, JSON]:
    more = {"on_error": "branch"} if "/broken" in url else {}
    retry = {"max_attempts": 1}
    return {"id": name, "type": "http", "config": {"url": url, **config}, "retry": retry, **more}


def everything_about(run: Run) -> str:
    """What is stored and what Temporal knows of a run, decrypted, as one text."""
    rows: list[JSON] = [list(Run.objects.filter(id=run.id).values())]
    rows += [list(model.objects.filter(run=run).values()) for model in (NodeRun, RunEvent)]
    parts = BlobPart.objects.filter(blob__workspace=run.workspace_id)
    blobs = [bytes(part.data) for part in parts]
    return repr(rows) + repr(blobs) + repr(list(in_clear(asyncio.run(history_of(run)))))


async def history_of(run: Run) -> JSON:
    client = await connect()
    history = await client.get_workflow_handle(run.workflow_id).fetch_history()
    return json.loads(history.to_json())


def in_clear(value: JSON) -> Iterator[str]:
    """The texts of a history, those of its payloads too."""
    if isinstance(value, dict) and "encoding" in (value.get("metadata") or {}):
        yield base64.b64decode(decode_payloads([value])[0]["data"]).decode()
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from in_clear(inner)
    else:
        yield str(value)


CANARY = 'Canary "7" /+ü'


@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_a_credential_reaches_the_service_and_no_record(
    service: str, elsewhere: str, execution: str
) -> None:
    actor = new_actor()
    secret = CANARY.removesuffix("ü")
    create_credential(actor, name="Token", type="bearer", values={"token": secret})
    header = {"header": "X-Key", "value": secret}
    create_credential(actor, name="Key", type="header", values=header)
    login = {"username": "ada", "password": CANARY}
    create_credential(actor, name="Login", type="basic", values=login)
    run = run_of(
        actor,
        http("token", f"{service}/echo", credential="Token"),
        http("key", f"{service}/echo", credential="Key"),
        http("login", f"{service}/echo", credential="Login"),
        http("away", f"{service}/moved?{elsewhere}/echo", credential="Key", headers={"X-A": "a"}),
        http("back", f"{service}/moved?{service}/echo", credential="Key"),
        http("broken", f"{service}/broken", credential="Token"),
        execution=execution,
    )
    assert run.status == "succeeded", run.error
    told = {row.node: row.output or {} for row in NodeRun.objects.filter(run=run)}
    assert told["token"]["json"]["authorization"] == "Bearer ••••"
    assert told["key"]["json"]["x-key"] == told["back"]["json"]["x-key"] == "••••"
    assert told["login"]["json"]["authorization"] == "Basic ••••"
    assert {"x-key", "x-a"}.isdisjoint(told["away"]["json"])
    failure = NodeRun.objects.get(run=run, node="broken").error
    assert failure is not None
    assert "xBearer •" in failure["message"]
    assert "Can" not in failure["message"]
    record = everything_about(run) if execution == "durable" else repr(told) + repr(failure)
    assert "FluxPrompt" in record  # which is sent as well: there was an echo
    for form in ("Canary", "Q2FuYXJ5", base64.b64encode(f"ada:{CANARY}".encode()).decode()):
        assert form not in record


def test_pages_polls_forms_and_web_pages_in_one_run(service: str) -> None:
    actor = new_actor()
    create_credential(actor, name="Slow", type="bearer", values={"token": "x" * 8}, **LIMITS)
    kept = store_file(actor, "b.txt", BytesIO(b"stored {{ 2+2 }}"))
    pages = {"next": "{{ links.next }}", "items": "{{ json | map('n') }}", "max_items": 9}
    run = run_of(
        actor,
        http("all", f"{service}/pages", paginate=pages, credential="Slow"),
        http("until", f"{service}/echo", poll={"until": "{{ status == 200 and start.text }}"}),
        http(
            "form",
            f"{service}/form",
            method="POST",
            body_type="multipart",
            body={
                "note": {"name": "a.txt", "content": "{{ all.items }}"},
                "kept": {"file": str(kept.id)},
            },
        ),
        {"id": "news", "type": "webpage", "config": {"url": f"{service}/news"}},
    )
    assert run.outputs is not None, run.error
    made = run.outputs["end"]
    assert (made["all"]["items"], made["all"]["pages"]) == ([1, 2, 3], 3)
    assert made["until"]["status"] == 200
    form = made["form"]["json"]
    assert form["type"].startswith("multipart/form-data; boundary=")
    assert 'name="note"; filename="a.txt"' in form["body"]
    assert "[1, 2, 3]" in form["body"]
    assert 'filename="b.txt"' in form["body"]
    assert "stored {{ 2+2 }}" in form["body"]
    assert made["news"]["text"] == "News\n{{ 1+1 }} more"
    assert made["news"]["links"] == [{"text": "more", "url": f"{service}/more"}]
