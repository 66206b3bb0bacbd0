"""Requests about a draft do not read the document of the published version."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.permissions import Actor
from flows.models import Flow
from flows.services import create_flow, publish_flow
from flows.tests.fixtures import GREETING

DOCUMENT = '"flows_flowversion"."document"'


@pytest.fixture
def flow(actor: Actor) -> Flow:
    made = create_flow(actor, document=GREETING)
    publish_flow(actor, made)
    return made


@pytest.mark.parametrize(
    "path",
    [
        "draft/",
        "problems/",
        "edit/",
        "nodes/result/scope/",
        "nodes/result/form/",
        "document.yaml",
    ],
)
def test_what_shows_the_draft_leaves_the_published_document_alone(
    visitor: Client, flow: Flow, path: str
) -> None:
    with CaptureQueriesContext(connection) as asked:
        response = visitor.get(f"/flows/{flow.pk}/{path}")
    assert response.status_code == 200
    assert [query["sql"] for query in asked if DOCUMENT in query["sql"]] == []


def test_a_change_leaves_the_published_document_alone(visitor: Client, flow: Flow) -> None:
    op = {"op": "set", "node": "result", "path": ["label"], "value": "Result"}
    one = {"id": "6a1f0d9e-58f9-4d3e-9a75-0d1a5a2b7c11", "label": "Change", "ops": [op]}
    body = {"tab": one["id"], "base": 1, "changes": [one]}
    with CaptureQueriesContext(connection) as asked:
        answer = visitor.post(f"/flows/{flow.pk}/changes/", body, content_type="application/json")
    assert answer.json()["revision"] == 2
    assert [query["sql"] for query in asked if DOCUMENT in query["sql"]] == []


def test_ticked_flows_are_read_without_their_published_documents(
    visitor: Client, flow: Flow
) -> None:
    asked_for = {"action": "delete", "flow": [str(flow.pk)]}
    with CaptureQueriesContext(connection) as asked:
        response = visitor.post("/flows/bulk/", asked_for)
    assert response.status_code == 200
    assert [query["sql"] for query in asked if DOCUMENT in query["sql"]] == []
