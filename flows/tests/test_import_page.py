"""The page that makes flows of files and pasted text."""

import json
from io import BytesIO
from typing import Any

import pytest
import yaml
from django.test import Client

from accounts.models import Membership, User, Workspace
from flows import history
from flows.models import Flow
from flows.tests.fixtures import GREETING
from flows.views import bulk, importing
from flows.views.diff_picture import DRAWN_NODES
from fluxprompt.paths import ROOT

TEXT = yaml.safe_dump(GREETING)


def _file(data: bytes | str, name: str = "flow.yaml") -> BytesIO:
    file = BytesIO(data if isinstance(data, bytes) else data.encode())
    file.name = name
    return file


def _import(visitor: Client, *files: BytesIO, text: str = "") -> Any:
    return visitor.post("/flows/import/", {"file": list(files), "text": text}, follow=True)


def test_the_page_has_a_form_without_scripts(visitor: Client) -> None:
    content = visitor.get("/flows/import/").content.decode()
    assert 'enctype="multipart/form-data"' in content
    assert 'name="text"' in content


def test_one_file_is_imported_and_opened(visitor: Client) -> None:
    response = _import(visitor, _file(TEXT))
    flow = Flow.objects.get()
    assert response.redirect_chain == [(f"/flows/{flow.pk}/", 302)]
    assert "was imported" in str(next(iter(response.context["messages"])))


def test_pasted_text_is_imported(visitor: Client) -> None:
    _import(visitor, text=TEXT)
    assert Flow.objects.get().name == "Greeting"


def test_several_are_listed_with_what_became_of_each(visitor: Client) -> None:
    second = yaml.safe_dump({**GREETING, "name": "Second", "nodes": [], "edges": []})
    response = _import(visitor, _file(TEXT), _file(second, "b.yaml"), _file("{", "bad.json"))
    content = response.content.decode()
    assert response.status_code == 200
    assert "2 of 3 imported" in content
    assert "bad.json" in content
    assert "to solve before it can be published" in content
    assert Flow.objects.count() == 2


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe\x00", b"", b"[1]", b"a: &x [*x]"])
def test_a_file_that_is_no_flow_is_refused_with_its_problem(visitor: Client, data: bytes) -> None:
    response = _import(visitor, _file(data))
    assert response.status_code == 422
    assert "was not imported" in response.content.decode()
    assert not Flow.objects.exists()


def test_what_was_pasted_is_still_there_when_it_is_refused(visitor: Client) -> None:
    response = _import(visitor, text="name: [Half a flow")
    assert response.status_code == 422
    assert "name: [Half a flow</textarea>" in response.content.decode()


def test_nothing_given_is_said(visitor: Client) -> None:
    response = _import(visitor)
    assert response.status_code == 422
    assert "Choose a JSON or YAML file" in response.content.decode()


def test_limits_of_size_and_number_are_said(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "larger than 5 MB" in _import(visitor, _file(b"x" * 5_000_001)).content.decode()
    monkeypatch.setattr(importing, "MOST_FILES", 1)
    assert "Import 1 at a time" in _import(visitor, _file(TEXT), _file(TEXT)).content.decode()
    monkeypatch.setattr(importing, "MOST_BYTES_TOGETHER", 10)
    assert "25 MB together" in _import(visitor, _file(TEXT)).content.decode()
    assert not Flow.objects.exists()


def test_the_limits_are_those_of_the_page_of_architecture() -> None:
    said = (ROOT / "docs" / "architecture.md").read_text()
    megabytes = importing.MOST_BYTES_TOGETHER // 1_000_000
    rows = (
        f"| files imported at once | {importing.MOST_FILES}, {megabytes} MB together |",
        f"| flows done with at once on the list | {bulk.MOST} ticked ones |",
        f"drawn up to {DRAWN_NODES} nodes; 20,000 lines of text, {history.SHOWN_ROWS:,} rows of "
        f"which are shown, {history.SHOWN_VALUES} values of a node, {history.VALUE_LENGTH} "
        "characters of each |",
        f"for documents of {history.COMPARED_BYTES // 1_000_000} MB (as stored) together",
    )
    assert [row for row in rows if row not in said] == []


def test_a_viewer_imports_nothing(visitor: Client, owner: tuple[User, Workspace]) -> None:
    Membership.objects.filter(user=owner[0]).update(role="viewer")
    assert visitor.get("/flows/import/").status_code == 403
    assert _import(visitor, text=TEXT).status_code == 403
    assert not Flow.objects.exists()


def _workflow(name: str) -> str:
    """A workflow of n8n as it exports one."""
    types = {"Go": "manualTrigger", "Later": "noOp"}
    nodes = [
        {
            "id": name,
            "name": name,
            "type": f"n8n-nodes-base.{kind}",
            "typeVersion": 1,
            "parameters": {},
            "position": [at * 200, 0],
        }
        for at, (name, kind) in enumerate(types.items())
    ]
    wires = {"Go": {"main": [[{"node": "Later", "type": "main", "index": 0}]]}}
    return json.dumps({"name": name, "nodes": nodes, "connections": wires})


def test_a_flow_of_another_product_is_shown_with_its_report_before_it_is_imported(
    visitor: Client,
) -> None:
    content = _import(visitor, _file(_workflow("Theirs"), "theirs.json")).content.decode()
    assert "From n8n" in content
    assert "Create this flow" in content
    assert not Flow.objects.exists()


def test_several_flows_of_other_products_are_imported_at_once(visitor: Client) -> None:
    _import(visitor, _file(_workflow("Theirs"), "theirs.json"), _file(TEXT))
    assert sorted(Flow.objects.values_list("name", flat=True)) == ["Greeting", "Theirs"]
