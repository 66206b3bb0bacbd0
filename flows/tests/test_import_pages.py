"""Importing other products' flows: by the page with its report, and by the API."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, User, Workspace
from flows.importing import reference
from flows.importing.tests.samples_for_tests import FOLDER
from flows.models import Flow
from flows.tests.fixtures import Api, assert_problem
from fluxprompt.paths import ROOT

N8N = (FOLDER / "n8n" / "scheduled_weather.json").read_text()
STRANGERS = (FOLDER / "n8n" / "strangers.json").read_text()
DIFY = (FOLDER / "dify" / "greeting.yml").read_text()
PREVIEW = "/flows/import/preview/"


@pytest.fixture
def reader(owner: tuple[User, Workspace]) -> Client:
    """Somebody who may only look."""
    user = User.objects.create_user("viewer@example.com", "correct horse battery")
    Membership.objects.create(user=user, workspace=owner[1], role="viewer")
    client = Client()
    client.force_login(user)
    return client


def test_a_pasted_text_is_reported_and_nothing_is_kept(visitor: Client) -> None:
    response = visitor.post(PREVIEW, {"text": N8N})
    page = response.content.decode()
    assert response.status_code == 200
    assert "Daily weather" in page
    assert "Send mail" in page
    assert "Store the mail server as a credential" in page
    assert "CANARY" not in page
    page = visitor.post(PREVIEW, {"text": STRANGERS}).content.decode()
    assert "To be replaced" in page
    assert "JavaScript is not run here" in page
    assert "CANARY" not in page
    assert not Flow.objects.exists()


def test_a_file_is_reported_and_created_by_its_button(visitor: Client) -> None:
    file = BytesIO(DIFY.encode())
    file.name = "app.yml"
    response = visitor.post(PREVIEW, {"file": file})
    assert response.context["imported"].counts == {"mapped": 5, "approximated": 0, "unsupported": 0}
    document = response.context["document"]
    made = visitor.post("/flows/import/create/", {"document": document})
    flow = Flow.objects.get()
    assert made["Location"] == f"/flows/{flow.id}/"
    assert flow.name == "Greeting"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "The text is empty"),
        ({"text": "hello"}, "cannot be read"),
        ({"text": '{"a": "<script>alert(1)</script>"}'}, "no flow that is known"),
    ],
)
def test_what_is_no_flow_is_said_with_a_form_to_try_again(
    visitor: Client, given: dict[str, str], says: str
) -> None:
    response = visitor.post(PREVIEW, given)
    assert response.status_code == 422
    assert says in response.content.decode()
    assert f'action="{PREVIEW}"' in response.content.decode()


def test_a_file_that_is_no_text_or_too_large_is_refused(visitor: Client) -> None:
    for data, says in ((b"\xff\xfe\x00", "no UTF-8 text"), (b"x" * 5_000_001, "larger than 5 MB")):
        file = BytesIO(data)
        file.name = "flow.json"
        response = visitor.post(PREVIEW, {"file": file})
        assert (response.status_code, says in response.content.decode()) == (422, True)


def test_names_of_a_file_are_shown_as_text(visitor: Client) -> None:
    name = "<img src=x onerror=alert(1)>"
    node = {"id": "1", "name": name, "type": "x.y", "parameters": {}, "position": [0, 0]}
    text = json.dumps({"name": name, "nodes": [node], "connections": {}})
    assert name not in visitor.post(PREVIEW, {"text": text}).content.decode()


def test_a_document_that_was_tampered_with_is_refused(visitor: Client) -> None:
    response = visitor.post("/flows/import/create/", {"document": "{"}, follow=True)
    assert "Not imported" in str(next(iter(response.context["messages"])))
    assert not Flow.objects.exists()


def test_who_may_not_make_flows_may_not_import_any(reader: Client) -> None:
    assert reader.post(PREVIEW, {"text": N8N}).status_code == 403
    assert reader.post("/flows/import/create/", {"document": "{}"}).status_code == 403


@pytest.mark.django_db
def test_without_signing_in_nothing_is_imported() -> None:
    for path in (PREVIEW, "/flows/import/create/"):
        assert Client().post(path, {"text": N8N})["Location"].startswith("/accounts/login/")
        assert Client().get(path).status_code in (302, 405)


def test_the_api_gives_document_and_report_and_keeps_nothing(api: Api) -> None:
    body: dict[str, Any] = api.post("/flows/import", {"text": STRANGERS}).json()
    report = body["report"]
    assert report["product"] == "n8n"
    assert report["counts"]["unsupported"] == 3
    row = next(row for row in report["rows"] if row["source_name"] == "Code")
    assert (row["status"], row["nodes"]) == ("unsupported", ["code", "code_note"])
    assert api.get("/flows").json()["results"] == []
    made = api.post("/flows", {"document": body["document"]})
    assert made.status_code == 201


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"text": 7}, "type"),
        ({"text": "", "x": 1}, "unknown_field"),
        ({"text": "hello"}, "import_refused"),
    ],
)
def test_the_api_refuses_what_is_no_flow(api: Api, body: Any, code: str) -> None:
    assert_problem(api.post("/flows/import", body), 422, code)


def test_a_key_that_may_only_read_cannot_import(make_api: Callable[..., Api]) -> None:
    assert_problem(
        make_api("flows:read").post("/flows/import", {"text": N8N}), 403, "permission_refused"
    )


def test_the_page_about_importing_is_current() -> None:
    """`python -m flows.importing.reference > docs/importing.md` mends it."""
    assert (ROOT / "docs" / "importing.md").read_text() == reference.page()
