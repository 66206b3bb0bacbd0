"""A very large answer holds up no other call of its worker."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from execution.models import NodeRun
from execution.payloads import resolve_references
from execution.services import start_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    llm,
    new_actor,
    output,
    published,
    start_node,
    until,
)

ROWS = 400_000


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """A web service that answers 40 MB of JSON whose texts hold escapes."""
    rows = [{"row": number, "name": f"n\u00fc{number}" + "x" * 50} for number in range(ROWS)]
    content = json.dumps(rows).encode()
    assert 30_000_000 < len(content) < 50_000_000

    class Rows(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Rows) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/rows"
        server.shutdown()


@pytest.mark.usefixtures("stack")
def test_calls_beside_a_very_large_answer_are_not_taken_for_lost(service: str) -> None:
    actor = new_actor()
    slow = [llm(f"ask{number}", "{{ start.text }}", "tokens-400x30ms") for number in range(5)]
    names = [str(node["id"]) for node in slow]
    beside = published(
        actor,
        document(
            [start_node("text"), *slow, output("done")],
            [f"start>{name}" for name in names] + [f"{name}>end" for name in names],
        ),
    )
    fetch = {"id": "fetch", "type": "http", "config": {"url": service}}
    large = published(
        actor,
        document(
            [start_node("text"), fetch, output("{{ fetch.status }}")], ["start>fetch", "fetch>end"]
        ),
    )
    waiting = start_run(actor, beside, {"text": "x"}).run
    until(lambda: NodeRun.objects.filter(run=waiting, node__in=names).count() == len(names))
    fetched = ended(start_run(actor, large, {"text": "x"}).run, 90)
    assert (fetched.status, fetched.outputs) == ("succeeded", {"end": 200}), fetched.error
    assert ended(waiting, 60).status == "succeeded"
    assert NodeRun.objects.filter(run=waiting, node__in=names).count() == len(names)
    kept = NodeRun.objects.get(run=fetched, node="fetch").output
    assert kept is not None
    rows = resolve_references(fetched.workspace_id, kept["json"])
    assert (len(rows), rows[-1]["row"]) == (ROWS, ROWS - 1)
