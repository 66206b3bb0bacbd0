"""What the outside sends, through the real web server and a real socket: bad, and very large."""

import json
import re
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from execution.tests.flows_for_tests import document, llm, output, start_node
from fluxprompt.testing.live_stack import LiveStack
from tests.support.api import Api

LARGE = 10_000_000
TOO_LARGE = 60_000_000
#: Bytes a process may gain by six large runs after one that warmed it up: less than one of them
#: brings (10 MB in, 10 MB answered, both out again).
GROWTH = 20_000_000
#: What a stack trace or a framework's page for developers looks like.
_TRACE = re.compile(r"Traceback|File \"|\.py\b|<html|DEBUG = True|psycopg|django", re.IGNORECASE)


@pytest.fixture
def api(stack: LiveStack) -> Iterator[Api]:
    """A caller; afterwards the server is the same process, answers, and has logged no fault."""
    before = stack.process("web").pid
    log = stack.log("web")
    said = log.stat().st_size
    with Api(stack) as made:
        yield made
        assert made.http.get("/flows").status_code == 200
    assert stack.process("web").pid == before
    assert stack.process("web").poll() is None
    with log.open("rb") as file:
        file.seek(said)
        assert b"Traceback" not in file.read()


def refused(answer: httpx2.Response, *statuses: int) -> dict[str, Any]:
    """The problem document of a refusal, which shows nothing of the inside."""
    assert answer.status_code in statuses, f"{answer.status_code}: {answer.text[:500]}"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not _TRACE.search(answer.text), answer.text[:2_000]
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["code"]
    assert problem["detail"]
    return problem


def fields(**types: str) -> dict[str, Any]:
    """An input node with a required field per name."""
    named = [{"name": name, "type": kind, "required": True} for name, kind in types.items()]
    return {"id": "start", "type": "input", "config": {"fields": named}}


@pytest.fixture
def typed(api: Api) -> str:
    """A published flow with an input of several types."""
    nodes = [fields(text="text", number="number", items="list"), output("{{ start.text }}")]
    return api.publish(document(nodes, ["start>end"]))


def addresses(flow: str) -> list[tuple[str, str]]:
    """Every call that takes a body."""
    return [
        ("POST", "/flows"),
        ("POST", "/flows/validate"),
        ("POST", "/flows/import"),
        ("PATCH", f"/flows/{flow}"),
        ("PUT", f"/flows/{flow}/document"),
        ("POST", f"/flows/{flow}/publish"),
        ("POST", f"/flows/{flow}/runs"),
    ]


UNREADABLE = {
    "half": b'{"inputs": {"text": "x"',
    "no JSON": b"hello",
    "two values": b"{} {}",
    "single quotes": b"{'inputs': {}}",
    "bytes that are no text": b'{"name": "\xff\xfe"}',
    "NaN": b'{"name": NaN}',
    "infinite": b'{"name": 1e999}',
    "a number of 10,000 digits": b'{"name": ' + b"9" * 10_000 + b"}",
    "NUL": b'{"name": "a\\u0000b"}',
    "NUL in a key": b'{"a\\u0000b": 1}',
    "half a surrogate pair": b'{"name": "\\ud800"}',
    "100,000 lists": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "200 levels": b'{"inputs": {"text": ' + b"[" * 200 + b"]" * 200 + b"}}",
    "raw zero bytes": b"\0" * 1_000,
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_cannot_be_read_is_a_problem_everywhere(
    api: Api, typed: str, body: bytes
) -> None:
    for method, path in addresses(typed):
        answer = api.http.request(
            method, path, content=body, headers={"Content-Type": "application/json"}
        )
        refused(answer, 400, 422)


@pytest.mark.parametrize("body", [b"null", b"true", b"7", b'"text"', b"[]", b"[{}]"])
def test_a_body_of_the_wrong_type_is_a_problem_everywhere(
    api: Api, typed: str, body: bytes
) -> None:
    for method, path in addresses(typed):
        answer = api.http.request(
            method, path, content=body, headers={"Content-Type": "application/json"}
        )
        if path == "/flows/validate" and body == b'"text"':
            # A document may come as text; to say what is wrong with it is this call's success.
            assert answer.json()["problems"][0]["code"] == "document_shape"
        else:
            refused(answer, 400, 415, 422)


WRONG = {
    "inputs": {"inputs": []},
    "a document": {"inputs": "text"},
    "no text": {"inputs": {"text": {}, "number": 1, "items": []}},
    "no number": {"inputs": {"text": "x", "number": "many", "items": []}},
    "no list": {"inputs": {"text": "x", "number": 1, "items": 5}},
    "missing": {"inputs": {"text": "x"}},
    "unknown input": {"inputs": {"text": "x", "number": 1, "items": [], "txet": 1}},
    "a name of 100,000 letters": {"inputs": {"n" * 100_000: 1}},
    "10,000 unknown inputs": {"inputs": {f"n{number}": number for number in range(10_000)}},
    "version": {"inputs": {"text": "x", "number": 1, "items": []}, "version": {"a": 1}},
    "session": {"inputs": {"text": "x", "number": 1, "items": []}, "session_id": ["s"]},
    "unknown member": {"inputs": {"text": "x", "number": 1, "items": []}, "input": {}},
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_a_run_with_wrong_inputs_is_refused_naming_them_and_leaves_nothing(
    api: Api, typed: str, body: Any
) -> None:
    problem = refused(api.http.post(f"/flows/{typed}/runs", json=body), 400, 422)
    assert len(json.dumps(problem)) < 2_000_000
    assert all({"path", "code", "message"} <= error.keys() for error in problem["errors"])
    assert api.ask("GET", f"/runs?flow={typed}")["results"] == []


def test_a_wrong_input_names_its_place(api: Api, typed: str) -> None:
    body = {"inputs": {"text": "x", "number": "many", "items": [], "txet": 1}}
    problem = refused(api.http.post(f"/flows/{typed}/runs", json=body), 422)
    assert {error["path"] for error in problem["errors"]} == {"inputs.number", "inputs.txet"}


def test_a_huge_number_passes_through_and_is_not_reckoned_with(api: Api) -> None:
    huge = 10**4_000
    nodes = [fields(n="number"), output("{{ start.n }}")]
    run = api.run(api.publish(document(nodes, ["start>end"])), {"n": huge})
    assert (run["status"], run["outputs"]) == ("succeeded", {"end": huge})
    nodes = [fields(n="number"), output("{{ start.n * start.n }}")]
    run = api.run(api.publish(document(nodes, ["start>end"])), {"n": huge})
    assert (run["status"], run["error"]["code"]) == ("failed", "expression_budget")


@pytest.mark.parametrize("path", ["/flows", "/flows/{flow}/runs", "/flows/validate", "/nothing"])
@pytest.mark.parametrize("announced", [True, False])
def test_60_mb_are_too_large_everywhere(api: Api, typed: str, path: str, announced: bool) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"name": "'
        for _ in range(TOO_LARGE // 1_000_000):
            yield b"x" * 1_000_000

    content: Any = b"x" * TOO_LARGE if announced else pieces()
    answer = api.http.post(
        path.replace("{flow}", typed),
        content=content,
        headers={"Content-Type": "application/json"},
    )
    assert refused(answer, 413)["code"] == "body_too_large"


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("GET", "/runs/not-an-id", (404,)),
        ("GET", "/runs/aa8bc4c9-0ff0-478f-b807-34a7f0d354c6", (404,)),
        ("GET", "/runs?limit=-1", (400, 422)),
        ("GET", "/runs?limit=9999999999999999999999", (400, 422)),
        ("GET", "/runs?cursor=%00%ff", (400, 422)),
        ("GET", "/runs?since=yesterday", (400, 422)),
        ("GET", "/runs?search=%00", (400, 422)),
        ("GET", "/flows/%00", (400, 404)),
        ("GET", "/flows/" + "x" * 5_000, (404, 414)),
        ("DELETE", "/node-types", (405,)),
        ("POST", "/flows/nothing/runs", (404,)),
    ],
)
def test_an_address_that_makes_no_sense_is_a_problem(
    api: Api, method: str, path: str, statuses: tuple[int, ...]
) -> None:
    refused(api.http.request(method, path, json=None if method == "GET" else {}), *statuses)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\r\n\r\n",
        b"POST /api/v1/flows HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/v1/flows HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /api/v1/flows HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /api/v1/flows HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n",
        b"POST /api/v1/flows HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{",
    ],
    ids=["TLS", "no version", "length", "chunks", "header", "host", "gone"],
)
def test_what_is_no_request_is_turned_away(api: Api, stack: LiveStack, sent: bytes) -> None:
    host, port = stack.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65_536)
        except (ConnectionResetError, BrokenPipeError):
            answer = b""
    assert not answer or answer.split(b" ", 2)[1].startswith(b"4"), answer[:200]
    assert not _TRACE.search(answer.decode("latin-1"))


def resident(stack: LiveStack, name: str) -> int:
    """Bytes a process holds now."""
    status = Path(f"/proc/{stack.process(name).pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def test_10_mb_pass_through_a_run_again_and_again_with_flat_memory(
    api: Api, stack: LiveStack
) -> None:
    nodes = [
        start_node("text"),
        llm("ask", "Write much", "size-10mb"),
        {
            "id": "both",
            "type": "transform",
            "config": {"fields": {"given": "{{ start.text }}", "said": "{{ ask.text }}"}},
        },
        output("{{ both.given }}", "given"),
        output("{{ both.said }}", "said"),
        output("{{ both.said | length }}", "length"),
    ]
    edges = ["start>ask", "ask>both", "both>given", "both>said", "both>length"]
    flow = api.publish(document(nodes, edges))
    held: dict[str, list[int]] = {"worker": [], "web": []}
    for _ in range(7):
        # Each its own, so that none is stored for another already.
        text = (uuid.uuid4().hex * (LARGE // 32 + 1))[:LARGE]
        run = api.run(flow, {"text": text}, 60)
        assert run["status"] == "succeeded", run["error"]
        assert run["outputs"]["given"] == text
        assert run["outputs"]["length"] == len(run["outputs"]["said"]) == LARGE
        for name, sizes in held.items():
            sizes.append(resident(stack, name))
    for name, sizes in held.items():
        said = [size // 1_000_000 for size in sizes]
        assert sizes[-1] - sizes[0] < GROWTH, f"{name}: {said}"
