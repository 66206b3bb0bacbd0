"""Files over real sockets, and whole runs that are given one, read it, and make another."""

import io
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from accounts.permissions import Actor
from accounts.services import create_api_key
from execution.files.models import File
from execution.files.services import store_file
from execution.files.storage import storage
from execution.models import NodeRun
from execution.tests.flows_for_tests import document, new_actor, output, published, run_to_end

JSON = Any
pytestmark = pytest.mark.usefixtures("stack", "models")
PRICES = "name;price\ntea;2.5\ncoffee;7\n".encode("utf-16")


def flow_of_files(execution: str) -> JSON:
    fields = [{"name": "doc", "type": "file", "required": True}]
    nodes = [
        {"id": "start", "type": "input", "config": {"fields": fields}},
        {
            "id": "prices",
            "type": "file_read",
            "config": {"file": "{{ start.doc }}", "mode": "table"},
        },
        {
            "id": "dear",
            "type": "list",
            "config": {"items": "{{ prices.rows }}", "filter": "{{ item.price | float > 5 }}"},
        },
        {
            "id": "report",
            "type": "file_write",
            "config": {"name": "Dear things", "format": "pdf", "content": "{{ dear.items }}"},
        },
        {"id": "again", "type": "file_read", "config": {"file": "{{ report.file }}"}},
        output({"file": "{{ report.file }}", "text": "{{ again.text }}"}),
    ]
    edges = ["start>prices", "prices>dear", "dear>report", "report>again", "again>end"]
    return document(nodes, edges, settings={"execution": execution})


def uploaded(actor: Actor, name: str, content: bytes) -> JSON:
    return {"file": str(store_file(actor, name, io.BytesIO(content)).id)}


HEAD = b'--B\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'
SIZE = 6_000_000


def in_pieces(size: int) -> Iterator[bytes]:
    yield HEAD
    for _ in range(size // 100_000):
        yield bytes(100_000)
    yield b"\r\n--B--\r\n"


def test_large_files_go_up_and_down_in_pieces(stack: Any) -> None:
    _, token = create_api_key(new_actor(), name="files")
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "multipart/form-data; boundary=B",
    }
    address = f"{stack.base_url}/api/v1/files"
    with httpx2.Client(trust_env=False, timeout=30) as client:
        # Without a length, as programs send what they make on the way.
        made = client.post(address, content=in_pieces(SIZE), headers=headers)
        assert made.status_code == 201, made.text
        file = made.json()
        assert file["size"] == SIZE
        got = client.get(file["url"], headers={"Authorization": headers["Authorization"]})
        assert got.status_code == 200
        assert got.content == bytes(SIZE)
        assert got.headers["Content-Disposition"] == 'attachment; filename="big.bin"'
        assert got.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        refused = client.post(address, content=in_pieces(52_000_000), headers=headers)
        assert refused.status_code == 413
        assert refused.json()["limit"] == 51_000_000


@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_a_run_reads_an_upload_and_writes_a_file(execution: str) -> None:
    actor = new_actor()
    flow = published(actor, flow_of_files(execution))
    run = run_to_end(actor, flow, {"doc": uploaded(actor, "prices.csv", PRICES)}, seconds=60)
    assert run.status == "succeeded", run.error
    assert run.outputs is not None
    made = run.outputs["end"]["file"]
    assert (made["name"], made["media_type"]) == ("Dear things.pdf", "application/pdf")
    assert run.outputs["end"]["text"].split()[:4] == ["name", "price", "coffee", "7"]
    row = File.objects.get(id=made["id"])
    assert (row.run_id, row.node, row.workspace_id) == (run.id, "report", actor.workspace_id)
    with storage().open(row.key) as handle:
        assert handle.read().startswith(b"%PDF")


def test_a_run_that_is_given_a_broken_file_says_so_at_its_step() -> None:
    actor = new_actor()
    flow = published(actor, flow_of_files("durable"))
    run = run_to_end(actor, flow, {"doc": uploaded(actor, "x.docx", b"PK\x03\x04 broken")})
    assert run.status == "failed"
    assert run.error is not None
    facts = (run.error["code"], run.error["node"], run.error["field"])
    assert facts == ("file_unreadable", "prices", "file")
    assert NodeRun.objects.get(run=run, node="prices").attempt == 1
