"""An account is deleted: what ends, what stays, what stands in the way, and what is forgotten."""

import json
import re
import zipfile
from io import BytesIO
from typing import Any

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.models import EmailAddress
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from pytest_django import Settings

from accounts.authentication.vouching import vouch_for
from accounts.errors import DeletionRefused
from accounts.models import ApiKey, AuditEvent, Membership, Role, User, Workspace
from accounts.people.departing import delete_person, departure_of
from accounts.people.forgetting import SOMEBODY
from accounts.permissions import Actor, still_may
from accounts.services import create_api_key, create_workspace, set_variable
from accounts.tests.conftest import PASSWORD

CONFIRMED = {"password": PASSWORD, "sure": "on"}


@pytest.fixture
def colleague(workspace: Workspace) -> User:
    """A builder in the owner's workspace, with one of their own."""
    user = User.objects.create_user("grace@example.com", PASSWORD, name="Grace Hopper")
    vouch_for(user)
    Membership.objects.create(workspace=workspace, user=user, role=Role.BUILDER)
    create_workspace(user, name="Grace alone")
    return user


def _signed_in(user: User) -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return client


def _checked() -> None:
    """What the database looks at when it comes to the commit."""
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_an_account_ends_with_its_sessions_keys_and_workspaces_of_its_own(
    colleague: User, workspace: Workspace
) -> None:
    alone = Workspace.objects.get(name="Grace alone")
    actor = Actor(workspace.id, "Grace", frozenset({"key.manage", "flow.read"}), colleague.id)
    _, token = create_api_key(actor, name="ci", scopes=["flows:read"])
    here, elsewhere = _signed_in(colleague), _signed_in(colleague)
    page = here.get("/you/delete/").content.decode()
    assert all(words in page for words in ("Grace alone", workspace.name))
    answer = here.post("/you/delete/", CONFIRMED)
    _checked()
    assert answer["Location"] == "/accounts/login/"
    assert "Your account is deleted." in here.get("/accounts/login/").content.decode()
    assert not User.objects.filter(email="grace@example.com").exists()
    assert not EmailAddress.objects.filter(email="grace@example.com").exists()
    assert not Workspace.objects.filter(id=alone.id).exists()
    assert list(workspace.members.values_list("email", flat=True)) == ["ada@example.com"]
    assert elsewhere.get("/you/").status_code == 302
    called = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert (called.status_code, ApiKey.objects.get().revoked_at is None) == (401, False)
    assert not still_may(actor, "flow.read")
    refused = here.post("/accounts/login/", {"login": "grace@example.com", "password": PASSWORD})
    assert refused.status_code == 200


def test_the_trail_stays_and_knows_nobody(
    colleague: User, workspace: Workspace, actor: Actor
) -> None:
    theirs = Actor(workspace.id, "Grace Hopper", frozenset({"variable.manage"}), colleague.id)
    set_variable(theirs, "region", "eu")
    client = _signed_in(colleague)
    client.post("/you/name/", {"name": "Amazing Grace"})
    Client().post("/accounts/login/", {"login": colleague.email, "password": "wrong"})
    set_variable(actor, "kept", 1)
    before = AuditEvent.objects.count()
    kept = list(AuditEvent.objects.filter(user__email="ada@example.com").order_by("id").values())
    client.post("/you/delete/", CONFIRMED)
    _checked()
    rows = AuditEvent.objects.all()
    assert rows.count() > before
    said = " ".join(str(list(row.values())) for row in rows.values())
    for word in ("grace@example.com", "Grace Hopper", "Amazing"):
        assert word not in said, word
    event = AuditEvent.objects.get(action="variable.set", details={"name": "region"})
    assert (event.actor, event.user, event.workspace) == (SOMEBODY, None, workspace)
    assert (
        list(AuditEvent.objects.filter(user__email="ada@example.com").order_by("id").values())
        == kept
    )
    last = AuditEvent.objects.get(action="account.delete")
    assert (last.workspace, last.actor, last.details) == (workspace, SOMEBODY, {})
    assert (
        not AuditEvent.objects.filter(actor=SOMEBODY, ip__isnull=False)
        .exclude(action__in=("account.delete", "workspace.delete", "member.leave"))
        .exists()
    )


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'somebody else'",
        "ip = '9.9.9.9'",
        "details = details || '{\"new\": 1}'",
        'details = \'{"name": "other"}\'',
        "action = 'x'",
        "target_id = 'x'",
        "at = now()",
        "via = 'x'",
        "workspace_id = NULL, actor = 'a deleted person'",
        "user_id = %(other)s",
    ],
)
def test_forgetting_takes_away_and_changes_nothing(
    actor: Actor, other_workspace: Workspace, change: str
) -> None:
    set_variable(actor, "region", "eu")
    other = {"other": other_workspace.members.get().pk}
    statement = f"UPDATE accounts_auditevent SET {change} WHERE action = 'variable.set'"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL flux.audit_forgets = 'on'")
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            cursor.execute(statement, other)
        cursor.execute("SET LOCAL flux.audit_forgets = 'off'")


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'a deleted person'",
        "ip = NULL, actor = 'a deleted person'",
        "details = details - 'name'",
    ],
)
def test_nothing_is_forgotten_but_by_who_says_so(actor: Actor, change: str) -> None:
    set_variable(actor, "region", "eu")
    statement = f"UPDATE accounts_auditevent SET {change} WHERE action = 'variable.set'"
    with connection.cursor() as cursor:
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            cursor.execute(statement)
        cursor.execute("SET LOCAL flux.audit_forgets = 'on'")
        cursor.execute(statement)
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            cursor.execute("DELETE FROM accounts_auditevent")
        cursor.execute("SET LOCAL flux.audit_forgets = 'off'")


def test_the_only_owner_of_a_workspace_with_others_hands_it_over_first(
    owner: User, colleague: User, workspace: Workspace
) -> None:
    client = _signed_in(owner)
    assert "First hand these over" in client.get("/you/delete/").content.decode()
    answer = client.post("/you/delete/", CONFIRMED)
    assert answer.status_code == 422
    assert workspace.name in answer.content.decode()
    with pytest.raises(DeletionRefused, match="nobody would own"):
        delete_person(owner)
    Membership.objects.filter(user=colleague, workspace=workspace).update(role=Role.OWNER)
    assert departure_of(owner).leaving == (workspace,)
    delete_person(owner)
    _checked()
    assert list(workspace.members.all()) == [colleague]


def test_an_operator_deletes_an_account_as_its_person_would(
    colleague: User, owner: User, workspace: Workspace
) -> None:
    root = User.objects.create_superuser("root@example.com", "x")
    desk = Client()
    desk.force_login(root)
    refused = desk.post(f"/admin/accounts/user/{owner.pk}/delete/", {"post": "yes"})
    assert (refused.status_code, "nobody would own" in refused.content.decode()) == (403, True)
    assert (
        desk.post(f"/admin/accounts/user/{colleague.pk}/delete/", {"post": "yes"}).status_code
        == 302
    )
    guest = User.objects.create_user("a-guest@example.com", "x")
    both = [str(guest.pk), str(root.pk)]
    chosen = {"action": "delete_selected", "_selected_action": both, "post": "yes"}
    assert desk.post("/admin/accounts/user/", chosen).status_code == 403
    assert set(User.objects.all()) == {owner, root, guest}
    assert not AuditEvent.objects.filter(target_id__in=both, action="operator.delete").exists()
    assert not Workspace.objects.filter(name="Grace alone").exists()
    said = str(list(AuditEvent.objects.values_list("details", "actor")))
    assert ("grace@example.com" in said, "Grace Hopper" in said) == (False, False)
    assert AuditEvent.objects.filter(action="account.delete", actor="operator root@example.com")


def test_the_only_operator_makes_another_one_first(colleague: User) -> None:
    colleague.is_superuser = True
    colleague.save()
    with pytest.raises(DeletionRefused, match="only operator"):
        delete_person(colleague)
    User.objects.create_superuser("root@example.com", "x")
    delete_person(colleague)
    assert not User.objects.filter(pk=colleague.pk).exists()


def test_the_last_person_may_go_and_the_set_up_begins_anew(
    db: None, without_examples: None
) -> None:
    from accounts.authentication.setup import setup_link

    delete_person(User.objects.create_superuser("root@example.com", "x"))
    assert not User.objects.exists()
    assert setup_link() is not None


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"password": "wrong", "sure": "on"}, "This is not your password."),
        ({"password": PASSWORD}, "Tick this"),
        ({"sure": "on"}, "required"),
        ({}, "required"),
    ],
)
def test_the_password_is_asked_once_more(colleague: User, sent: dict[str, str], said: str) -> None:
    answer = _signed_in(colleague).post("/you/delete/", sent)
    assert answer.status_code in (200, 422)
    assert said in answer.content.decode() or not sent
    assert User.objects.filter(pk=colleague.pk).exists()


def test_passwords_are_not_guessed_there(colleague: User, settings: Settings) -> None:
    settings.FLUX_RATE_LIMITS = {"own_password": "2/h"}
    client = _signed_in(colleague)
    wrong = {"password": "wrong", "sure": "on"}
    codes = [client.post("/you/delete/", wrong).status_code for _ in range(3)]
    assert codes == [422, 422, 429]


def test_s15_the_right_password_tells_nothing_after_too_many_tries_from_wherever(
    colleague: User, settings: Settings
) -> None:
    settings.FLUX_RATE_LIMITS = {"own_password": "2/h"}
    client = _signed_in(colleague)
    for guess in ("one", "two"):
        client.post("/you/delete/", {"password": guess})
    # Neither without the tick nor with it, and not from another address.
    for sent in ({"password": PASSWORD}, CONFIRMED):
        answer = client.post("/you/delete/", sent, REMOTE_ADDR="203.0.113.9")
        assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    assert User.objects.filter(pk=colleague.pk).exists()
    refused = AuditEvent.objects.filter(action="password.refused", target_id=str(colleague.pk))
    assert {event.actor for event in refused} == {"nobody"}
    # In each of their workspaces; whoever goes on trying fills no trail.
    for workspace in colleague.workspaces.all():
        told = refused.filter(workspace=workspace).order_by("at")
        reasons = [event.details.get("reason") for event in told]
        assert reasons == [None, None, "too many tries"]


def test_who_has_no_password_signs_in_once_more(colleague: User) -> None:
    client = _signed_in(colleague)
    colleague.set_unusable_password()
    colleague.save()
    client.force_login(colleague)
    page = client.get("/you/delete/").content.decode()
    assert 'href="/accounts/reauthenticate/?next=/you/delete/">Sign in once more' in page
    asked = client.get("/accounts/reauthenticate/?next=/you/delete/")
    assert asked["Location"] == "/you/again/?next=%2Fyou%2Fdelete%2F"
    client.post("/you/delete/", {"sure": "on"})
    assert User.objects.filter(pk=colleague.pk).exists()
    session = client.session
    session["account_authentication_methods_user"] = str(colleague.pk)
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "socialaccount", "at": 4e9}]
    session.save()
    client.post("/you/delete/", {"sure": "on"})
    assert not User.objects.filter(pk=colleague.pk).exists()


def _export(client: Client) -> dict[str, Any]:
    answer = client.post("/you/data/")
    assert re.fullmatch(
        r'attachment; filename="fluxprompt-[\d-]+\.zip"', answer.headers["Content-Disposition"]
    )
    held = BytesIO(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    with zipfile.ZipFile(held) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


def test_a_person_takes_their_data_along(
    colleague: User, workspace: Workspace, actor: Actor, other_workspace: Workspace
) -> None:
    theirs = Actor(workspace.id, "Grace", frozenset({"key.manage", "flow.read"}), colleague.id)
    key, token = create_api_key(theirs, name="ci", scopes=["flows:read"])
    left = Actor(other_workspace.id, "Grace", frozenset({"key.manage", "flow.read"}), colleague.id)
    create_api_key(left, name="of a workspace they left", scopes=["flows:read"])
    client = _signed_in(colleague)
    found = _export(client)
    assert found["profile.json"]["email"] == "grace@example.com"
    assert found["profile.json"]["addresses"][0]["verified"]
    workspaces = {row["workspace"]: row["role"] for row in found["memberships.json"]}
    assert workspaces == {workspace.name: "builder", "Grace alone": "owner"}
    assert [row["id"] for row in found["made.json"]["api_keys"]] == [str(key.id)]
    assert {"flows", "versions", "runs", "files", "collections", "documents"} < set(
        found["made.json"]
    )
    assert found["sessions.json"][0]["is_this"]
    actions = [event["action"] for event in found["events.json"]]
    assert {"sign_in", "key.create", "workspace.create"} <= set(actions)
    said = json.dumps(found)
    assert token not in said
    assert "ada@example.com" not in said
    assert colleague.password not in said
    assert AuditEvent.objects.filter(action="profile.export").count() == 2
    assert client.get("/you/data/").status_code == 405


def test_exports_are_limited(colleague: User, settings: Settings) -> None:
    settings.FLUX_RATE_LIMITS = {"own_data": "1/h"}
    client = _signed_in(colleague)
    assert [client.post("/you/data/").status_code for _ in range(2)] == [200, 429]
