"""Row S4: documents that attack whoever reads them, at every door that takes one."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from flows.models import Flow
from flows.tests.fixtures import GREETING, Api

#: A file that a tag would make, were it obeyed.
MARK = Path("/tmp/fluxprompt-was-executed")
#: Bytes of an answer: a bomb that were unfolded would come back as many more.
MOST_SAID = 3_000_000


def _bomb(levels: int = 12) -> str:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for level in range(1, levels):
        ones = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} [{ones}]")
    return "\n".join([*lines, "schema: fluxprompt.flow/v1", f"nodes: *a{levels - 1}"])


HOSTILE = {
    "python object": f"!!python/object/apply:os.system ['touch {MARK}']",
    "python name": "nodes: !!python/name:os.system",
    "python new": f"!!python/object/new:subprocess.Popen [['touch', '{MARK}']]",
    "module": "!!python/module:antigravity",
    "own tag": "!run {nodes: []}",
    "tag of a directive": "%TAG ! tag:yaml.org,2002:python/\n---\n!object/apply:os.system [id]",
    "bomb": _bomb(),
    "alias to itself": "&a [*a]",
    "merge to itself": "a: &a\n  <<: *a",
    "alias": "x: &x {id: a, type: input}\nschema: fluxprompt.flow/v1\nnodes: [*x, *x]",
    "deep in flow style": "[" * 20_000 + "]" * 20_000,
    "deep in block style": "\n".join("  " * n + f"k{n}:" for n in range(600)),
    "deep JSON": '{"nodes":' * 20_000 + "1" + "}" * 20_000,
    "long number": '{"nodes": ' + "9" * 100_000 + "}",
    "base 60": "nodes: " + ":".join(["59"] * 30_000),
    "many documents": "---\n{}\n" * 5_000,
    "many keys": "{" + ", ".join(f"k{n}: {n}" for n in range(5_000)) + "}",
    "same key twice": '{"schema": "fluxprompt.flow/v1", "nodes": [], "nodes": [1]}',
    "entity": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    "NUL": 'schema: fluxprompt.flow/v1\nname: "\\0"\nnodes: []',
    "lone surrogate": '{"schema": "fluxprompt.flow/v1", "name": "\\ud800", "nodes": []}',
    "binary": "nodes: !!binary " + "A" * 4_000,
    "class in a template": json.dumps(
        {
            **GREETING,
            "nodes": [
                {
                    "id": "end",
                    "type": "output",
                    "config": {"value": "{{ ''.__class__.__mro__[1].__subclasses__() }}"},
                }
            ],
            "edges": [],
        }
    ),
    "code in a code node": json.dumps(
        {
            **GREETING,
            "nodes": [
                {
                    "id": "run",
                    "type": "code",
                    "config": {"code": f"import os\nos.system('touch {MARK}')"},
                }
            ],
            "edges": [],
        }
    ),
}


@pytest.fixture(autouse=True)
def nothing_is_executed() -> Any:
    MARK.unlink(missing_ok=True)
    yield
    assert not MARK.exists()


@pytest.mark.parametrize("name", HOSTILE)
def test_s4_a_hostile_document_is_read_or_refused_and_runs_nothing(
    name: str, api: Api, visitor: Client
) -> None:
    text = HOSTILE[name]
    file = SimpleUploadedFile("flow.yaml", text.encode("utf-8", "surrogatepass"))
    doors = {
        "validate as YAML": lambda: api.post(
            "/flows/validate", text.encode(), content_type="application/yaml"
        ),
        "validate": lambda: api.post("/flows/validate", {"document": text}),
        "import": lambda: api.post("/flows/import", {"text": text}),
        "create": lambda: api.post("/flows", {"document": text}),
        "page of the import": lambda: visitor.post("/flows/import/", {"text": text}),
        "upload": lambda: visitor.post("/flows/import/", {"file": file}),
        "preview": lambda: visitor.post("/flows/import/preview/", {"text": text}),
    }
    for door, send in doors.items():
        answer = send()
        assert answer.status_code < 500, (door, answer.content[:300])
        assert len(answer.content) < MOST_SAID, door
        assert b"root:" not in answer.content, door
    # What can be read at all is a draft and nothing more: it is not published, and has not run.
    assert not Flow.objects.exclude(published=None).exists()


def test_s4_half_a_character_in_what_is_pasted_is_refused(api: Api, visitor: Client) -> None:
    flow = api.post("/flows", {"document": GREETING}).json()["id"]
    body = '{"text": "nodes: [\\ud800]"}'
    answer = visitor.post(f"/flows/{flow}/paste/", body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["code"] == "document_encoding"
