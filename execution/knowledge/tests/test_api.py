"""Collections by the REST API: made, filled, searched, changed, and nobody else's business."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from accounts.models import AuditEvent
from accounts.permissions import Actor
from execution.knowledge import limits
from execution.knowledge.models import Collection
from execution.knowledge.tests.collections_for_tests import (
    MODEL,
    collection_with,
    document_of,
    work_in_this_transaction,
)
from flows.engine.media_types import DOCX
from flows.nodes.file_read.test_node import docx
from flows.tests.fixtures import Api, assert_problem
from fluxprompt.api.openapi import document
from tests.support.model_server import ModelServer

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>{{ 1+1 }}"


def fits(name: str, value: Any) -> Any:
    schema = Resource.from_contents(document(), default_specification=DRAFT202012)
    registry = Registry().with_resource("urn:api", schema)
    reference = {"$ref": f"urn:api#/components/schemas/{name}"}
    Draft202012Validator(reference, registry=registry).validate(value)
    return value


def upload(api: Api, path: str, name: str, content: bytes, **fields: str) -> Any:
    file = SimpleUploadedFile(name, content, content_type="application/octet-stream")
    return api.client.post(f"/api/v1{path}", {"file": file, **fields}, headers=api.headers)


def test_a_collection_is_made_filled_searched_and_deleted(api: Api, server: ModelServer) -> None:
    made = fits(
        "Collection", api.post("/collections", {"name": "Hand book", "model": MODEL}).json()
    )
    assert (made["slug"], made["state"], made["language"]) == ("hand-book", "ready", "english")
    text = {"name": HOSTILE, "text": f"A refund takes a week. {HOSTILE}", "metadata": {"a": 1}}
    added = fits("KnowledgeDocument", api.post("/collections/hand-book/documents", text).json())
    assert added["state"] == "pending"
    assert api.post("/collections/hand-book/documents", text).status_code == 200
    assert api.get("/collections/hand-book").json()["state"] == "indexing"
    work_in_this_transaction(Collection.objects.get().pk)
    found = api.post(f"/collections/{made['id']}/search", {"query": "repayment", "top_k": 3}).json()
    (match,) = fits("KnowledgeMatches", found)["matches"]
    assert (match["document"], match["text"]) == (HOSTILE, text["text"])
    assert match["metadata"] == {"a": 1}
    listed = api.get("/collections").json()
    assert listed["results"][0]["index"]["documents"] == {"pending": 0, "done": 1, "failed": 0}
    one = f"/collections/hand-book/documents/{added['id']}"
    assert fits("KnowledgeDocumentDetail", api.get(one).json())["text"] == text["text"]
    assert api("DELETE", one).status_code == 204
    assert api.get("/collections/hand-book/documents").json() == {"results": [], "next": None}
    assert api("DELETE", "/collections/hand-book").status_code == 204
    assert_problem(api.get("/collections/hand-book"), 404, "not_found")
    actions = AuditEvent.objects.filter(action__startswith="knowledge.")
    assert [event.action.removeprefix("knowledge.") for event in actions.order_by("id")] == [
        *("create", "document.add", "document.delete", "delete"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.md", b"# Title\r\n\r\nWords", "# Title\n\nWords"),
        ("a.csv", b"name;price\npear;3\nfig;\n", "name: pear\nprice: 3\n\nname: fig"),
        ("a.json", b'[{"a": "\\u00e9"}, 2]', '{\n "a": "é"\n}\n\n2'),
        (
            "a.html",
            b"<title>T</title><h1>Cars</h1><p>We  <a href='https://a.example/'>wash</a>.</p>"
            b"<script>x</script><table><tr><th>Car<th>Price<tr><td>Red<td>3</table><ul><li>a<li>b",
            "# Cars\n\nWe wash.\n\n| Car | Price |\n| --- | --- |\n| Red | 3 |\n\n- a\n- b",
        ),
    ],
)
def test_files_are_uploaded_and_read(
    api: Api, actor: Actor, name: str, content: bytes, text: str
) -> None:
    made = collection_with(actor, {})
    answer = upload(api, f"/collections/{made.slug}/documents", name, content, metadata='{"b": 2}')
    assert answer.status_code == 201
    stored = document_of(made, name)
    assert (stored.text, stored.metadata) == (text, {"b": 2})


def test_a_word_document_is_read_as_markdown(api: Api, actor: Actor) -> None:
    made = collection_with(actor, {})
    answer = upload(api, f"/collections/{made.slug}/documents", "a.docx", docx())
    assert answer.status_code == 201
    stored = document_of(made, "a.docx")
    assert stored.text.startswith("# ")
    assert stored.media_type == DOCX


@pytest.mark.parametrize(
    ("name", "content", "field"),
    [
        ("a.zip", b"PK", "media_type"),
        ("a.pdf", b"%PDF-1.7", "file"),
        ("a.txt", b"\xff\xfe", "file"),
        ("a.json", b"{", "text"),
        ("a.txt", b"  ", "text"),
    ],
)
def test_files_that_cannot_be_read_are_refused(
    api: Api, actor: Actor, name: str, content: bytes, field: str
) -> None:
    made = collection_with(actor, {})
    answer = upload(api, f"/collections/{made.slug}/documents", name, content)
    assert assert_problem(answer, 422, "invalid")["errors"][0]["path"] == field
    assert made.documents.count() == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x", "model": "anthropic/claude"}, "model"),
        ({"name": "x", "model": "local/other"}, "model"),
        ({"name": "x", "chunk_size": 99}, "chunk_size"),
        ({"name": "x", "chunk_size": 8_001}, "chunk_size"),
        ({"name": "x", "chunk_size": 200, "chunk_overlap": 101}, "chunk_overlap"),
        ({"name": "x", "language": "klingon"}, "language"),
        ({"name": "x", "colour": "red"}, "colour"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(
    api: Api, body: dict[str, Any], field: str
) -> None:
    answer = api.post("/collections", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == field
    assert not Collection.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"query": ""}, "query"),
        ({"query": "x" * 8_001}, "query"),
        ({"query": "x", "top_k": 51}, "top_k"),
        ({"query": "x", "min_score": "high"}, "min_score"),
    ],
)
def test_searches_that_cannot_be_made_are_refused(
    api: Api, actor: Actor, body: dict[str, Any], field: str
) -> None:
    answer = api.post(f"/collections/{collection_with(actor, {}).slug}/search", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == field


def test_limits_of_documents_and_collections_are_kept(
    api: Api, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = collection_with(actor, {})
    monkeypatch.setattr(limits, "CHARACTERS_PER_DOCUMENT", 10)
    answer = api.post(f"/collections/{made.slug}/documents", {"name": "x", "text": "x" * 11})
    assert "Split it" in assert_problem(answer, 422, "invalid")["detail"]
    big = {"name": "x", "text": "x", "metadata": {"a": "x" * limits.METADATA_BYTES}}
    assert_problem(api.post(f"/collections/{made.slug}/documents", big), 422, "invalid")
    monkeypatch.setattr(limits, "COLLECTIONS_PER_WORKSPACE", 1)
    assert_problem(api.post("/collections", {"name": "y"}), 409, "limit_reached")


def test_a_change_of_settings_builds_a_new_index(
    api: Api, actor: Actor, server: ModelServer
) -> None:
    made = collection_with(actor)
    work_in_this_transaction(made.pk)
    path = f"/collections/{made.slug}"
    assert api("PATCH", path, {"name": "Other"}).json()["building"] is None
    changed = fits("Collection", api("PATCH", path, {"language": "german"}).json())
    assert (changed["state"], changed["building"]["documents"]["pending"]) == ("rebuilding", 3)
    again = api.post(f"{path}/reindex", {"only_failed": False})
    assert (again.status_code, again.json()["building"]["number"]) == (202, 3)
    assert_problem(api.post(f"{path}/reindex", {"only_failed": 1}), 422, "type")


def test_a_provider_in_trouble_is_told(api: Api, actor: Actor, server: ModelServer) -> None:
    made = collection_with(actor)
    work_in_this_transaction(made.pk)
    server.script("limited", "error-429-retry-9")
    busy = api.post(f"/collections/{made.slug}/search", {"query": "limited"})
    assert_problem(busy, 503, "model_rate_limited")
    assert busy["Retry-After"] == "9"
    server.script("refused", "error-401")
    refused = api.post(f"/collections/{made.slug}/search", {"query": "refused"})
    assert_problem(refused, 422, "model_auth")


def test_others_see_and_touch_nothing(
    api: Api, stranger: Api, anonymous: Api, make_api: Any, actor: Actor
) -> None:
    made = collection_with(actor)
    path = f"/collections/{made.pk}"
    one = f"{path}/documents/{document_of(made, 'Returns').pk}"
    calls = [
        *(("GET", path, None), ("PATCH", path, {"name": "x"}), ("DELETE", path, None)),
        *(("POST", f"{path}/search", {"query": "x"}), ("POST", f"{path}/reindex", {})),
        *(("GET", f"{path}/documents", None), ("GET", one, None), ("DELETE", one, None)),
        ("POST", f"{path}/documents", {"name": "x", "text": "x"}),
    ]
    reader, other = make_api("knowledge:read"), make_api("flows:write")
    for method, where, body in calls:
        assert_problem(stranger(method, where, body), 404, "not_found")
        assert anonymous(method, where, body).status_code == 401
        assert_problem(other(method, where, body), 403, "permission_refused")
        if method != "GET" and "search" not in where:
            assert_problem(reader(method, where, body), 403, "permission_refused")
    assert stranger.get("/collections").json()["results"] == []
    assert reader.get(path).status_code == 200
    assert made.documents.count() == 3
