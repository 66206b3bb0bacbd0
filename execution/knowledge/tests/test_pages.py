"""The pages of knowledge: what they show, what they change, and to whom."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Membership, User
from accounts.permissions import Actor
from accounts.services import create_workspace
from execution.knowledge.models import Collection
from execution.knowledge.queries import indexes_of
from execution.knowledge.tests.collections_for_tests import (
    MODEL,
    collection_with,
    document_of,
    work_in_this_transaction,
)
from tests.support.model_server import ModelServer

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>{{ 1+1 }}"
NEW = {
    "name": HOSTILE,
    "model": MODEL,
    "language": "english",
    "chunk_size": "500",
    "chunk_overlap": "50",
}


@pytest.fixture
def site(owner: Any) -> Client:
    client = Client()
    client.force_login(owner[0])
    return client


def text_of(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status
    text: str = answer.content.decode()
    assert "<script>alert" not in text
    return text


def test_a_collection_is_made_on_the_list_and_shown(site: Client, actor: Actor) -> None:
    assert "No collection yet" in text_of(site.get("/knowledge/"))
    refused = text_of(site.post("/knowledge/", {**NEW, "model": "anthropic/x"}), 422)
    assert "is no embedding model" in refused
    made_at = site.post("/knowledge/", NEW)["Location"]
    made = Collection.objects.get()
    assert made_at == f"/knowledge/{made.pk}/"
    shown = text_of(site.get(made_at))
    assert "No document yet" in shown
    assert "&lt;script&gt;" in shown
    assert "&lt;script&gt;" in text_of(site.get("/knowledge/"))


def test_files_and_texts_are_added_and_what_is_refused_is_told(site: Client, actor: Actor) -> None:
    made = collection_with(actor, {})
    at = f"/knowledge/{made.pk}/documents/"
    program = SimpleUploadedFile("b.exe", b"MZ", "application/x-dosexec")
    files = [SimpleUploadedFile("a.md", b"# A\n\nB"), program]
    told = text_of(site.post(at, {"file": files, "name": "C", "text": "Pasted"}), 422)
    assert "b.exe: &#x27;" in told
    assert "2 documents added" in told
    assert set(made.documents.values_list("name", flat=True)) == {"a.md", "C"}
    assert "Choose files, or paste" in text_of(site.post(at, {}), 422)
    assert "Give the text a name" in text_of(site.post(at, {"text": "x"}), 422)
    again = site.post(at, {"name": "D", "text": "Pasted"}, follow=True)
    assert "has the text of “D” already" in text_of(again)


def test_a_query_is_tried_in_place_and_its_matches_lead_to_the_document(
    site: Client, actor: Actor, server: ModelServer
) -> None:
    made = collection_with(actor, {HOSTILE: "A repayment takes a week."})
    work_in_this_transaction(made.pk)
    at = f"/knowledge/{made.pk}/search/"
    asked = {"query": "refund", "top_k": 5, "min_score": 0}
    part = text_of(site.post(at, asked, headers={"HX-Request": "true"}))
    where = f"/knowledge/{made.pk}/documents/{document_of(made, HOSTILE).pk}/"
    assert f'href="{where}#chunk-0"' in part
    assert "<html" not in part
    assert "<html" in text_of(site.post(at, asked))
    assert 'id="chunk-0"' in text_of(site.get(where))
    assert "Nothing matches" in text_of(site.post(at, {**asked, "min_score": 1}))
    server.script("broken", "error-401")
    refused = text_of(site.post(at, {**asked, "query": "broken"}), 422)
    assert "check or replace the key" in refused


def test_progress_is_asked_for_while_there_is_work(
    site: Client, actor: Actor, server: ModelServer
) -> None:
    made = collection_with(actor)
    at = f"/knowledge/{made.pk}/progress/"
    assert "every 2s" in text_of(site.get(at))
    work_in_this_transaction(made.pk)
    done = text_of(site.get(at))
    assert "every 2s" not in done
    assert "3 of 3 documents can be found" in done
    site.post(f"/knowledge/{made.pk}/reindex/")
    assert "New index: 0 of 3 documents" in text_of(site.get(at))


def test_settings_are_changed_and_everything_is_deleted(site: Client, actor: Actor) -> None:
    made = collection_with(actor)
    changed = {**NEW, "name": "Other"}
    assert site.post(f"/knowledge/{made.pk}/change/", changed).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.chunk_size) == ("Other", 500)
    assert indexes_of([made])[made.pk].state == "rebuilding"
    refused = site.post(f"/knowledge/{made.pk}/change/", {**changed, "chunk_overlap": 400})
    assert "half of a chunk" in text_of(refused, 422)
    one = document_of(made, "Returns")
    site.post(f"/knowledge/{made.pk}/documents/{one.pk}/delete/")
    assert made.documents.count() == 2
    gone = site.post(f"/knowledge/{made.pk}/delete/", headers={"HX-Request": "true"})
    assert gone["HX-Redirect"] == "/knowledge/"
    assert not Collection.objects.exists()


def test_others_find_nothing_and_viewers_change_nothing(
    site: Client, actor: Actor, owner: Any
) -> None:
    made = collection_with(actor)
    one = f"/knowledge/{made.pk}/documents/{document_of(made, 'Returns').pk}/"
    reads = [f"/knowledge/{made.pk}/", f"/knowledge/{made.pk}/progress/", one]
    writes = [
        *(f"/knowledge/{made.pk}/{verb}/" for verb in ("change", "reindex", "delete")),
        *(f"/knowledge/{made.pk}/documents/", f"{one}delete/"),
    ]
    stranger = User.objects.create_user("else@example.com", "x")
    create_workspace(stranger, name="Else")
    other = Client()
    other.force_login(stranger)
    for address in reads:
        assert other.get(address).status_code == 404
        assert Client().get(address).status_code == 302
    for address in [*writes, f"/knowledge/{made.pk}/search/"]:
        assert other.post(address, NEW).status_code == 404
    Membership.objects.filter(user=owner[0]).update(role="viewer")
    assert "Add documents" not in text_of(site.get(reads[0]))
    for address in writes:
        assert site.post(address, NEW).status_code == 403
    assert site.post("/knowledge/", NEW).status_code == 403
    assert made.documents.count() == 3
