"""Files on pages: chosen in a form, kept while it is mended, and downloaded from a result."""

import html
import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.permissions import Actor
from execution.approval_models import Approval
from execution.files.models import File
from execution.files.tests.files_for_tests import stored
from execution.models import Run
from execution.tests.approvals_for_tests import approval_of, waiting_run
from execution.tests.flows_for_tests import document, output, published
from execution.tests.pages_for_tests import make_run
from execution.views.values import shown_value
from flows.models import Flow

FIELDS = [
    {"name": "doc", "type": "file", "required": True},
    {"name": "title", "type": "string", "required": True},
]


@pytest.fixture
def flow(actor: Actor) -> Flow:
    start = {"id": "start", "type": "input", "config": {"fields": FIELDS}}
    return published(actor, document([start, output("{{ start.doc }}")], ["start>end"]))


def chosen(content: bytes = b"%PDF-1.7", name: str = "invoice.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="text/plain")


def kept_in(page: str) -> str:
    found = re.search(r'name="kept-doc" value="([^"]*)"', page)
    assert found is not None
    return html.unescape(found[1])


def test_a_file_chosen_in_the_form_becomes_the_input(
    visitor: Client, flow: Flow, dispatched: list[Run]
) -> None:
    page = visitor.get(f"/flows/{flow.id}/").text
    assert 'enctype="multipart/form-data"' in page
    assert '<input class="input" type="file" name="input-doc" id="input-doc" required' in page
    answer = visitor.post(f"/flows/{flow.id}/run/", {"input-doc": chosen(), "input-title": "June"})
    assert answer.status_code == 302
    file = File.objects.get()
    assert (file.name, file.media_type) == ("invoice.pdf", "application/pdf")
    given = {"doc": {"file": str(file.id), "name": "invoice.pdf"}, "title": "June"}
    assert dispatched[0].inputs == given


def test_a_file_is_not_lost_while_another_field_is_mended(
    visitor: Client, flow: Flow, dispatched: list[Run]
) -> None:
    address = f"/flows/{flow.id}/run/"
    refused = visitor.post(address, {"input-doc": chosen(), "input-title": ""})
    assert refused.status_code == 422
    file = File.objects.get()
    assert f'href="/files/{file.id}/">A file is given already' in refused.text
    mended = {"kept-doc": kept_in(refused.text), "input-title": "June"}
    assert visitor.post(address, mended).status_code == 302
    assert dispatched[0].inputs["doc"] == {"file": str(file.id), "name": "invoice.pdf"}
    # Run again: what is left as it is stays the run's own.
    Run.objects.update(status="failed", finished_at="2026-11-26T09:00:00Z")
    again = f"/runs/{dispatched[0].id}/again/"
    form = visitor.get(again).text
    changed = {"form": "1", "kept-doc": kept_in(form), "input-title": "July"}
    assert visitor.post(again, changed).status_code == 302
    assert dispatched[-1].inputs["doc"] == dispatched[0].inputs["doc"]
    assert dispatched[-1].inputs["title"] == "July"
    assert File.objects.count() == 1


def test_a_file_that_is_too_large_is_an_error_at_its_field(
    visitor: Client, flow: Flow, dispatched: list[Run], settings: Any
) -> None:
    settings.FLUX_FILE_MAX_BYTES = 10
    sent = {"input-doc": chosen(b"x" * 11), "input-title": "June"}
    for address in (f"/flows/{flow.id}/run/", f"/flows/{flow.id}/edit/run/"):
        sent["input-doc"] = chosen(b"x" * 11)
        answer = visitor.post(address, sent)
        assert answer.status_code == 422
        assert "over 10 bytes" in answer.text
    assert not dispatched
    assert not File.objects.exists()


@pytest.mark.usefixtures("woken")
def test_an_approval_may_ask_for_a_file(visitor: Client, actor: Actor) -> None:
    run = waiting_run(actor, {"message": "Go?", "fields": [{"name": "doc", "type": "file"}]})
    address = f"/approvals/{approval_of(run).id}/"
    assert 'type="file"' in visitor.get(address).text
    visitor.post(address, {"decision": "approve", "input-doc": chosen()})
    approval = Approval.objects.get()
    assert approval.data == {"doc": {"file": str(File.objects.get().id), "name": "invoice.pdf"}}
    visitor.post(address, {"decision": "approve", "input-doc": chosen()})
    assert File.objects.count() == 1  # who comes too late stores nothing


def test_files_in_a_result_are_links_whose_names_are_only_text(
    visitor: Client, flow: Flow, actor: Actor
) -> None:
    file = stored(actor, "<img src=x onerror=alert(1)>.txt")
    made = {"id": str(file.id), "name": file.name, "size": 5, "url": "/files/../x"}
    assert shown_value(made).kind == "fields"  # some object that looks alike
    made["url"] = f"javascript:alert(1)//files/{file.id}/content"
    beside = {"rows": [{"deep": {"file": made}}], "n": {"a": [1]}}
    run = make_run(flow, outputs={"end": {"file": made, "all": [made, made]}, "beside": beside})
    page = visitor.get(f"/runs/{run.id}/").text
    assert page.count(f'<a class="text-link" href="/files/{file.id}/" download>') == 4
    assert "&lt;img src=x onerror=alert(1)&gt;.txt</a>" in page
    assert 'href="javascript:' not in page
    assert shown_value(json.loads('[{"id": 7, "name": "x", "size": 1, "url": "u"}]')).kind == "json"
