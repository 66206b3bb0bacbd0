"""The audit trail: nobody changes it, it says from where, and it is found, shown and exported."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import ProgrammingError, connection, transaction
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from accounts.addresses import client_address
from accounts.audit.files import expire_audit, safe_cell
from accounts.audit.origin import COMMAND, Origin, acting
from accounts.models import AuditEvent, User, Workspace
from accounts.permissions import Actor
from accounts.services import (
    create_api_key,
    create_credential,
    delete_credential,
    record_audit,
    set_variable,
)
from accounts.tests.conftest import PASSWORD


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE accounts_auditevent SET actor = 'somebody else'",
        "UPDATE accounts_auditevent SET at = now() - interval '1 year'",
        "UPDATE accounts_auditevent SET details = '{}'",
        "UPDATE accounts_auditevent SET workspace_id = %(other)s",
        "DELETE FROM accounts_auditevent",
    ],
)
def test_an_event_is_neither_changed_nor_deleted(
    actor: Actor, other_workspace: Workspace, change: str
) -> None:
    before = list(AuditEvent.objects.values())
    assert before
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        connection.cursor().execute(change, {"other": other_workspace.id})
    assert list(AuditEvent.objects.values()) == before


def test_an_event_is_not_untied_from_a_workspace_that_is_there(actor: Actor) -> None:
    with connection.cursor() as cursor:
        # As at the commit: references are checked when it comes to that.
        with transaction.atomic():
            AuditEvent.objects.update(workspace=None)
        with pytest.raises(ProgrammingError, match="append-only"):
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_events_outlive_their_workspace_and_person(
    owner: User, workspace: Workspace, actor: Actor
) -> None:
    set_variable(actor, "region", "eu")
    workspace.delete()
    owner.delete()
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    event = AuditEvent.objects.get(action="variable.set")
    assert (event.workspace_id, event.user_id, event.actor) == (None, None, "Ada")


def test_only_what_is_kept_no_longer_is_deleted(actor: Actor, settings: Settings) -> None:
    old = timezone.now() - timedelta(days=31)
    kept = set(AuditEvent.objects.values_list("id", flat=True))
    with connection.cursor() as cursor:
        # The column's value is set at the insert only.
        cursor.execute(
            "INSERT INTO accounts_auditevent (id, actor, action, target_type, target_id, details,"
            " at) VALUES (gen_random_uuid(), 'x', 'x', 'x', 'x', '{}', %s)",
            [old],
        )
    assert expire_audit() == 0
    settings.FLUX_AUDIT_DAYS = 30
    assert (expire_audit(), expire_audit()) == (1, 0)
    assert set(AuditEvent.objects.values_list("id", flat=True)) == kept
    with pytest.raises(ProgrammingError), transaction.atomic():
        AuditEvent.objects.all().delete()


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ([], "10.0.0.1", "1.2.3.4", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (["10.0.0.0/8"], "9.9.9.9", "1.2.3.4", "9.9.9.9"),
        (["10.0.0.0/8"], "10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["::1"], "::1", "2001:db8::7", "2001:db8::7"),
        (["127.0.0.1"], "::ffff:127.0.0.1", "::ffff:1.2.3.4", "1.2.3.4"),
        ([], "", "1.2.3.4", None),
    ],
)
def test_a_forwarded_address_counts_from_a_trusted_proxy_only(
    settings: Settings, trusted: list[str], peer: str, forwarded: str, client: str | None
) -> None:
    settings.FLUX_TRUSTED_PROXIES = trusted
    meta = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    assert (client_address(meta) or None) == client


def test_events_say_from_where(actor: Actor, owner: User, client: Client) -> None:
    with acting(Origin(COMMAND)):
        set_variable(actor, "one", 1)
    set_variable(actor, "two", 2)
    client.force_login(owner)
    client.post("/settings/variables/", {"name": "three", "kind": "text", "value": "x"})
    rows = AuditEvent.objects.filter(action="variable.set").order_by("at")
    said = [(row.via, row.ip) for row in rows]
    assert said == [("command", None), ("system", None), ("browser", "127.0.0.1")]


def test_s15_sign_ins_good_and_bad_are_events(
    owner: User, workspace: Workspace, client: Client, settings: Settings
) -> None:
    address = "/accounts/login/"
    assert client.post(address, {"login": owner.email, "password": "wrong"}).status_code == 200
    client.post(address, {"login": owner.email, "password": PASSWORD})
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **_twice("n3w battery x")})
    client.post("/accounts/logout/")
    rows = AuditEvent.objects.filter(target_type="accounts.user").order_by("at")
    said = [(row.action, row.actor, row.ip, row.workspace_id) for row in rows]
    where = ("127.0.0.1", workspace.id)
    assert said == [
        ("sign_in.refused", "nobody", *where),
        ("sign_in", "Ada", *where),
        ("password.change", "Ada", *where),
        ("sign_out", "Ada", *where),
    ]
    assert PASSWORD not in str(list(rows.values()))
    authenticate(RequestFactory().get("/"), email="who@example.com", password="x")
    stranger = AuditEvent.objects.get(details={"email": "who@example.com"})
    assert (stranger.workspace_id, stranger.user_id) == (None, None)


def _twice(password: str) -> dict[str, str]:
    return {"password1": password, "password2": password}


@pytest.fixture
def trail(actor: Actor, owner: User, client: Client) -> Client:
    """A signed-in owner, and events to look for."""
    set_variable(actor, "region", "eu")
    create_api_key(actor, name='=HYPERLINK("http://x")')
    client.force_login(owner)
    return client


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("action=variable.set", ["variable.set"]),
        ("action=key", ["key.create"]),
        ("target=variable", ["variable.set"]),
        ("search=region", ["variable.set"]),
        ("search=hyperlink+create", ["key.create"]),
        ("person=Ada&action=key.create", ["key.create"]),
        ("person=nobody", []),
        ("since=2999-01-01", []),
        ("until=2020-01-01", []),
    ],
)
def test_the_trail_is_filtered_on_its_page_and_by_the_api(
    trail: Client, actor: Actor, query: str, found: list[str]
) -> None:
    page = trail.get(f"/settings/audit/?{query}")
    assert [line.event.action for line in page.context["lines"]] == found
    _, token = create_api_key(actor, name="reader", scopes=["audit:read"])
    bearer = {"Authorization": f"Bearer {token}"}
    answer = trail.get(f"/api/v1/audit?{query}", headers=bearer).json()
    known = [event["action"] for event in answer["results"] if "reader" not in str(event)]
    assert known == found


def test_the_trail_comes_in_pages(trail: Client, actor: Actor) -> None:
    for number in range(60):
        set_variable(actor, f"v{number}", number)
    first = trail.get("/settings/audit/?action=variable.set")
    second = trail.get(f"/settings/audit/?action=variable.set&cursor={first.context['next']}")
    ids = [line.event.id for page in (first, second) for line in page.context["lines"]]
    assert len(ids) == len(set(ids)) == 61
    assert trail.get("/settings/audit/?cursor=nonsense").status_code == 200


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_trail_is_exported_and_the_export_is_an_event(trail: Client, kind: str) -> None:
    answer = trail.post(f"/settings/audit/{kind}/", {"action": "key.create"})
    assert answer["Content-Disposition"].endswith(f'.{kind}"')
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    if kind == "csv":
        rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(text)))
    else:
        rows = [json.loads(line) for line in text.splitlines()]
    assert [row["action"] for row in rows] == ["key.create"]
    event = AuditEvent.objects.get(action="audit.export")
    assert event.details["format"] == kind
    assert event.details["filter"] == {"action": "key.create"}
    assert trail.post("/settings/audit/exe/").status_code == 404


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "\uff1d1"])
def test_no_cell_of_a_spreadsheet_is_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert (safe_cell(None), safe_cell("a=1")) == ("", "a=1")


def test_s9_the_trail_is_for_those_who_may_read_it(
    trail: Client, actor: Actor, other_workspace: Workspace
) -> None:
    other = other_workspace.members.get()
    trail.force_login(other)
    page = trail.get("/settings/audit/")
    assert {line.event.workspace_id for line in page.context["lines"]} == {other_workspace.id}
    other.memberships.update(role="builder")
    for path in ("/settings/audit/", "/api/v1/audit"):
        assert trail.get(path).status_code == 403
    assert trail.post("/settings/audit/csv/").status_code == 403


def test_the_page_names_what_was_done_and_leads_there(trail: Client, actor: Actor) -> None:
    key, _ = create_api_key(actor, name="laptop")
    credential = create_credential(actor, name="Gone", type="bearer", values={"token": "x"})
    delete_credential(actor, credential)
    page = trail.get("/settings/audit/").content.decode()
    assert f'href="/settings/keys/{key.id}/">laptop</a>' in page
    assert "API key</span>" in page
    lines = {line.event.action: line for line in trail.get("/settings/audit/").context["lines"]}
    deleted = lines["credential.delete"]
    assert (deleted.name, deleted.kind, deleted.page) == ("Gone", "credential", None)


def test_what_has_a_name_is_named_in_its_event(actor: Actor) -> None:
    workspace = Workspace.objects.get(id=actor.workspace_id)
    record_audit(
        "some.act", workspace, workspace_id=workspace.id, user_id=None, label="x", details={}
    )
    assert AuditEvent.objects.get(action="some.act").details == {"name": workspace.name}
