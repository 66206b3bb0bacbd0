"""Files by the REST API and the browser: S7 of the threats, limits, who may do what."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from accounts.models import AuditEvent, Workspace
from execution.files.models import File
from execution.files.tests.files_for_tests import content_of, in_storage, upload
from execution.models import Run
from flows.tests.fixtures import Api, assert_problem
from fluxprompt.api.openapi import document

NOBODY = "0192f3a5-11aa-7c3d-8e4f-5a6b7c8d9e0f"


def test_what_was_uploaded_is_described_downloaded_listed_and_deleted(
    api: Api, workspace: Workspace
) -> None:
    answer = upload(api, "report.txt", b"hello")
    assert answer.status_code == 201
    made = answer.json()
    schema = document()
    registry = Registry().with_resource(
        "urn:api", Resource.from_contents(schema, default_specification=DRAFT202012)
    )
    Draft202012Validator({"$ref": "urn:api#/components/schemas/File"}, registry=registry).validate(
        made
    )
    assert (made["name"], made["size"], made["media_type"]) == ("report.txt", 5, "text/plain")
    assert answer["Location"] == f"/api/v1/files/{made['id']}"
    assert api.get(f"/files/{made['id']}").json() == made
    assert api.get("/files").json()["results"] == [made]
    assert api.get(f"/files?run={NOBODY}").json()["results"] == []
    assert made["url"].endswith(f"/api/v1/files/{made['id']}/content")
    assert content_of(api.get(f"/files/{made['id']}/content")) == b"hello"
    key = File.objects.get().key
    assert key in in_storage()
    assert api("DELETE", f"/files/{made['id']}").status_code == 204
    assert key not in in_storage()
    assert_problem(api.get(f"/files/{made['id']}"), 404, "not_found")
    events = AuditEvent.objects.filter(workspace=workspace, action__startswith="file.")
    assert sorted(events.values_list("action", flat=True)) == ["file.delete", "file.upload"]


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/abs/olute.txt", "olute.txt"),
        ("in\u202etxt.exe", "intxt.exe"),
        ("a\x00b\r\nSet-Cookie: x=1.txt", "abSet-Cookie: x=1.txt"),
        ("…" * 300 + ".pdf", "…" * 196 + ".pdf"),
        ("..", "file"),
    ],
)
def test_s7_a_name_is_only_a_label_and_leads_nowhere(api: Api, given: str, label: str) -> None:
    from execution.files.services import label_of

    assert label_of(given) == label
    before = in_storage()
    made = upload(api, "x.txt", b"data").json()
    File.objects.filter(id=made["id"]).update(name=label_of(given))
    row = File.objects.get()
    added = in_storage() - before
    assert added == {row.key}
    assert row.key.startswith(f"{row.workspace_id}/")
    assert label not in row.key
    answer = api.get(f"/files/{made['id']}/content")
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")
    assert "\n" not in answer["Content-Disposition"]


@pytest.mark.parametrize("where", ["name", "filename"])
def test_s7_traversal_in_what_a_client_sends_stays_a_label(api: Api, where: str) -> None:
    hostile = "../../../../tmp/owned.txt"
    filename = hostile if where == "filename" else "x.txt"
    parts = [f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\ndata']
    if where == "name":
        parts.append(f'Content-Disposition: form-data; name="name"\r\n\r\n{hostile}')
    body = "".join(f"--B\r\n{part}\r\n" for part in parts) + "--B--\r\n"
    answer = api("POST", "/files", body.encode(), content_type="multipart/form-data; boundary=B")
    assert answer.status_code == 201
    assert answer.json()["name"] == "owned.txt"
    assert all(".." not in key for key in in_storage())


@pytest.mark.parametrize(
    ("name", "content", "said", "kind"),
    [
        ("x.png", b"<html><script>alert(1)</script>", "image/png", "text/html"),
        ("x.png", b"\x89PNG\r\n\x1a\n....", "text/html", "image/png"),
        ("x.txt", b"%PDF-1.7\n", "text/plain", "application/pdf"),
        ("x.bin", b"\x00\x01\x02\x03", "text/html", "application/octet-stream"),
        ("x.bin", b"\x00\x01\x02\x03", "model/x-made-up; a=b", "model/x-made-up"),
        ("x.svg", b"<svg onload=alert(1)>", "image/png", "image/svg+xml"),
    ],
)
def test_s7_the_bytes_tell_what_a_file_is_not_the_client(
    api: Api, name: str, content: bytes, said: str, kind: str
) -> None:
    assert upload(api, name, content, said).json()["media_type"] == kind


def test_s7_html_is_served_as_an_attachment_that_no_browser_runs(api: Api, visitor: Client) -> None:
    made = upload(api, "page.html", b"<!doctype html><script>alert(1)</script>").json()
    for answer in (
        api.get(f"/files/{made['id']}/content"),
        visitor.get(f"/files/{made['id']}/"),
        visitor.get(f"/api/v1/files/{made['id']}/content"),
    ):
        assert answer.status_code == 200
        assert answer["Content-Disposition"] == 'attachment; filename="page.html"'
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer["Content-Length"] == str(made["size"]) == str(len(content_of(answer)))


CALLS = [
    ("GET", "/files"),
    ("POST", "/files"),
    ("GET", "/files/FILE"),
    ("GET", "/files/FILE/content"),
    ("DELETE", "/files/FILE"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_call_wants_a_key_with_a_scope(
    anonymous: Api, make_api: Callable[..., Api], method: str, path: str
) -> None:
    path = path.replace("FILE", NOBODY)
    assert_problem(anonymous(method, path), 401, "not_authenticated")
    scope = "flows:read" if method == "GET" else "runs:read"
    assert_problem(make_api(scope)(method, path), 403, "permission_refused")


@pytest.mark.parametrize(("method", "path"), CALLS[2:])
def test_s7_another_workspaces_file_is_404(api: Api, stranger: Api, method: str, path: str) -> None:
    made = upload(api, "secret.txt", b"secret").json()
    assert_problem(stranger(method, path.replace("FILE", made["id"])), 404, "not_found")
    assert stranger.get("/files").json()["results"] == []
    assert File.objects.filter(id=made["id"]).exists()


def test_s7_people_of_other_workspaces_and_strangers_get_no_download(
    api: Api, stranger: Api, client: Client
) -> None:
    made = upload(api, "secret.txt", b"secret").json()
    page = f"/files/{made['id']}/"
    assert client.get(page)["Location"] == f"/accounts/login/?next={page}"
    content = f"/api/v1/files/{made['id']}/content"
    sent_on = client.get(content, headers={"Accept": "text/html,*/*"})
    assert sent_on["Location"] == f"/accounts/login/?next={page}"
    assert client.get(content).status_code == 401
    eve = Workspace.objects.exclude(id=File.objects.get().workspace_id).get()
    client.force_login(eve.members.get())
    assert client.get(page).status_code == 404


def test_a_key_sent_twice_stores_one_file(api: Api) -> None:
    first = upload(api, "a.txt", b"one", Idempotency_Key="k1")
    again = upload(api, "a.txt", b"one", Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = upload(api, "a.txt", b"two", Idempotency_Key="k1")
    assert_problem(other, 422, "idempotency_key_reused")
    assert File.objects.count() == 1


def test_what_is_too_large_of_another_type_or_without_room_is_refused_and_nothing_is_left(
    api: Api, settings: Any
) -> None:
    before = in_storage()
    settings.FLUX_FILE_MAX_BYTES = 10
    assert_problem(upload(api, "a.txt", b"x" * 11), 413, "file_too_large")
    settings.FLUX_FILES_MAX_TOTAL_BYTES = 15
    assert upload(api, "a.txt", b"x" * 10).status_code == 201
    assert_problem(upload(api, "b.txt", b"x" * 6), 409, "storage_full")
    assert upload(api, "b.txt", b"x" * 5).status_code == 201
    settings.FLUX_FILES_ALLOWED_TYPES = ["application/pdf", "image/*"]
    assert_problem(upload(api, "c.pdf", b"no pdf"), 422, "file_type_refused")
    assert len(in_storage() - before) == File.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{}", "application/json", 415, "unsupported_media_type"),
        # An upload as a server's own parser would describe it.
        (
            b'{"file": {"filepath": "/etc/passwd", "originalFilename": "x.txt", "size": 9}}',
            "application/json",
            415,
            "unsupported_media_type",
        ),
        (
            b"file=%2Fetc%2Fpasswd",
            "application/x-www-form-urlencoded",
            415,
            "unsupported_media_type",
        ),
        (b"--B--\r\n", "multipart/form-data; boundary=B", 422, "required"),
        (b"nonsense", "multipart/form-data", 400, "parse_error"),
        (
            b'--B\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nx\r\n--B--\r\n',
            "multipart/form-data; boundary=B",
            422,
            "unknown_field",
        ),
    ],
)
def test_s7_what_is_no_upload_says_what_to_send(
    api: Api, body: bytes, kind: str, status: int, code: str
) -> None:
    before = in_storage()
    assert_problem(api("POST", "/files", body, content_type=kind), status, code)
    assert in_storage() == before


def test_s7_a_run_is_given_files_of_its_workspace_only(
    api: Api, stranger: Api, dispatched: list[Run]
) -> None:
    fields = [{"name": "doc", "type": "file", "required": True}]
    nodes = [
        {"id": "start", "type": "input", "config": {"fields": fields}},
        {"id": "end", "type": "output", "config": {"value": "{{ start.doc }}"}},
    ]
    flow = {"schema": "fluxprompt.flow/v1", "name": "F", "nodes": nodes}
    flow["edges"] = [{"from": "start", "to": "end"}]
    api.post("/flows", {"document": flow})
    api.post("/flows/f/publish")
    mine = upload(api, "a.txt", b"mine").json()["id"]
    theirs = upload(stranger, "a.txt", b"theirs").json()["id"]
    over = upload(api, "b.txt", b"over").json()["id"]
    File.objects.filter(id=over).update(expires_at=timezone.now() - timedelta(seconds=1))
    for wrong in (theirs, over, NOBODY, "../../x"):
        problem = assert_problem(
            api.post("/flows/f/runs", {"inputs": {"doc": {"file": wrong}}}), 422, "inputs_invalid"
        )
        assert [(e["path"], e["code"]) for e in problem["errors"]] == [
            ("inputs.doc", "file_missing")
        ]
    made = api.post("/flows/f/runs", {"inputs": {"doc": {"file": mine}}})
    assert made.status_code == 201
    assert made.json()["inputs"] == {"doc": {"file": mine}}


def test_s7_files_lie_where_only_the_server_reads_them(api: Api) -> None:
    upload(api, "a.txt", b"x")
    root = django_settings.FLUX_DATA_DIR / "files"
    lying = root / File.objects.get().key
    assert lying.stat().st_mode & 0o777 == 0o600
    assert lying.parent.stat().st_mode & 0o777 == 0o700
