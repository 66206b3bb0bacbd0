"""Reading what was pasted into an editor."""

import json
from textwrap import indent
from typing import Any

import pytest
import yaml
from django.test import Client

from accounts.models import User
from accounts.permissions import Actor
from flows.models import Flow
from flows.services import create_flow
from flows.tests.fixtures import GREETING

NODES = GREETING["nodes"]


@pytest.fixture
def flow(actor: Actor) -> Flow:
    return create_flow(actor, document=GREETING)


def _paste(visitor: Client, flow: Flow, text: Any) -> Any:
    body = text if isinstance(text, bytes) else json.dumps({"text": text})
    return visitor.post(f"/flows/{flow.id}/paste/", body, content_type="application/json")


def _ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    assert response.json()["schema"] == "fluxprompt.clip/v1"
    return [node["id"] for node in response.json()["nodes"]]


def test_a_document_in_yaml_becomes_its_nodes_and_edges(visitor: Client, flow: Flow) -> None:
    answer = _paste(
        visitor, flow, yaml.safe_dump({**GREETING, "layout": {"start": {"x": 1, "y": 2}}})
    )
    assert _ids(answer) == ["start", "result"]
    assert answer.json()["edges"] == GREETING["edges"]
    assert answer.json()["layout"] == {"start": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    "text",
    [
        yaml.safe_dump({"nodes": NODES}),
        yaml.safe_dump(NODES),
        "  # from the docs\n" + indent(yaml.safe_dump(NODES), "  "),
        yaml.safe_dump({"schema": "fluxprompt.clip/v1", "nodes": NODES, "edges": [], "layout": {}}),
        json.dumps({"nodes": NODES}),
    ],
)
def test_parts_of_a_document_are_read_too(visitor: Client, flow: Flow, text: str) -> None:
    assert _ids(_paste(visitor, flow, text)) == ["start", "result"]


def test_one_node_is_read(visitor: Client, flow: Flow) -> None:
    text = "id: page\ntype: http\nconfig: {url: 'https://example.com'}\n"
    assert _ids(_paste(visitor, flow, text)) == ["page"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nodes: []", "no nodes"),
        ("just words", "mapping"),
        ("nodes: [{id: A, type: llm}]", ""),
        ("nodes: &a [*a]", "Anchors"),
        ("nodes: [", ""),
        ("x" * 5_000_001, "5 MB"),
        (7, "text"),
        (b"[", "text"),
        (b"[]", "text"),
    ],
)
def test_what_holds_no_nodes_is_refused_with_a_sentence(
    visitor: Client, flow: Flow, text: Any, says: str
) -> None:
    answer = _paste(visitor, flow, text)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert answer.json()["problems"]


def test_reading_a_paste_changes_nothing(visitor: Client, flow: Flow) -> None:
    before = Flow.objects.values().get()
    assert _ids(_paste(visitor, flow, yaml.safe_dump(NODES)))
    assert Flow.objects.values().get() == before


def test_only_members_who_see_the_flow_may_ask(stranger: Any, flow: Flow, client: Client) -> None:
    assert _paste(client, flow, "a: 1").status_code == 302
    outsider = User.objects.exclude(email="ada@example.com").first()
    if outsider is None:
        outsider = User.objects.create_user("eve@example.com", "correct horse battery")
    client.force_login(outsider)
    assert _paste(client, flow, yaml.safe_dump(NODES)).status_code in (403, 404)
