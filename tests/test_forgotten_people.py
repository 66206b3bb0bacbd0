"""What is left of somebody whose account is deleted, looked for in every table."""

import json
import zipfile
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.authentication.sign_ins import record_about, record_refusal
from accounts.authentication.vouching import vouch_for
from accounts.members.changes import change_role, transfer_workspace
from accounts.members.closing import close_workspace
from accounts.members.invitations import accept_invitation, invite
from accounts.models import AuditEvent, Credential, Invitation, Membership, Role, User, Workspace
from accounts.operators.operating import operator_of
from accounts.people.departing import delete_person
from accounts.people.forgetting import SOMEBODY
from accounts.people.own_data import export_own_data
from accounts.people.profile import rename_person
from accounts.permissions import Actor, member_actor
from accounts.services import audit, create_workspace
from execution.approval_models import Approval
from execution.models import Run
from flows.models import FlowChange
from flows.services import create_flow, publish_flow, replace_draft
from flows.sharing import share_flow
from flows.tests.fixtures import GREETING
from tests.support.access_world import AccessWorld, access_world

NAME, EMAIL = "Zebulon Quark", "zebulon@example.com"


@pytest.fixture
def world(db: None, without_examples: None) -> AccessWorld:
    return access_world()


@pytest.fixture
def leaver(world: AccessWorld) -> User:
    """An admin who left traces wherever people do."""
    user = User.objects.create_user(EMAIL, "correct horse battery", name=NAME)
    vouch_for(user)
    Membership.objects.create(workspace=world.workspace, user=user, role=Role.ADMIN)
    SocialAccount.objects.create(user=user, provider="google", uid="1", extra_data={"name": NAME})
    actor = member_actor(user, world.workspace)
    assert actor is not None
    flow = create_flow(actor, document={**GREETING, "name": "Left behind"})
    replace_draft(actor, flow, {**GREETING, "name": "Left behind", "description": "x"})
    version = publish_flow(actor, flow)
    run = Run.objects.create(
        workspace=world.workspace,
        flow=flow,
        version=version,
        created_by=user,
        created_at=timezone.now(),
        status="succeeded",
    )
    Approval.objects.create(
        run=run,
        workspace=world.workspace,
        node="ask",
        message="May it?",
        state="decided",
        decision="approved",
        decided_by=user,
        decider={"id": str(user.pk), "email": EMAIL, "name": NAME, "via": "page"},
        mailed=[EMAIL],
        created_at=timezone.now(),
    )
    browser = Client()
    browser.post("/accounts/login/", {"login": EMAIL, "password": "correct horse battery"})
    browser.post("/settings/variables/", {"name": "x", "kind": "json", "value": "1"})
    return user


def test_nothing_says_who_somebody_was_once_they_are_deleted(
    world: AccessWorld, leaver: User
) -> None:
    assert {"accounts_user", "accounts_auditevent", "execution_approval"} <= set(_naming())
    delete_person(leaver)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert _naming() == []
    assert FlowChange.objects.filter(actor=SOMEBODY).exists()
    decided = Approval.objects.get(state="decided").decider
    assert decided == {"id": None, "email": "", "name": SOMEBODY, "via": "page"}
    assert AuditEvent.objects.filter(action="flow.publish", actor=SOMEBODY).exists()


def _handed_over(world: AccessWorld, leaver: User) -> Actor:
    """An owner who let them be the owner for a while, and shared a flow with them."""
    owner = world.users[Role.OWNER]
    membership = Membership.objects.get(workspace=world.workspace, user=leaver)
    actor = member_actor(owner, world.workspace)
    assert actor is not None
    flow = create_flow(actor, document={**GREETING, "name": "Shared"})
    share_flow(actor, flow, visibility="private", shares={leaver.id: "edit"})
    transfer_workspace(actor, membership)
    theirs = member_actor(leaver, world.workspace)
    assert theirs is not None
    change_role(theirs, Membership.objects.get(workspace=world.workspace, user=owner), Role.OWNER)
    # As releases before wrote it.
    audit(actor, "workspace.transfer", world.workspace, to=EMAIL, before="admin")
    return actor


def _connected(world: AccessWorld, leaver: User) -> Credential:
    actor = member_actor(leaver, world.workspace)
    assert actor is not None
    credential = Credential.objects.filter(workspace=world.workspace)[0]
    Credential.objects.filter(id=credential.id).update(connected_by=leaver, connected_as=NAME)
    audit(actor, "credential.connect", credential, account="Zebulon at the provider")
    return credential


def _invited_elsewhere() -> None:
    """By three others: it was used, taken back, and is over."""
    for number, ending in enumerate(("accepted_at", "revoked_at", "expires_at")):
        user = User.objects.create_user(f"host{number}@example.com", "x")
        actor = member_actor(user, create_workspace(user, name=f"Host {number}"))
        assert actor is not None
        made = invite(actor, email=EMAIL, role=Role.VIEWER).invitation
        if ending == "accepted_at":
            accept_invitation(User.objects.get(email=EMAIL), made)
        Invitation.objects.filter(id=made.id).update(**{ending: timezone.now()})


def _seen_in_the_console(world: AccessWorld, leaver: User) -> None:
    desk = world.users["operator"]
    membership = Membership.objects.get(workspace=world.workspace, user=leaver)
    changes = json.dumps([{"changed": {"name": "membership", "object": str(membership)}}])
    for row, message in ((leaver, ""), (membership, ""), (world.workspace, changes)):
        _line(desk, row, str(row), message)
    actor = Actor(world.workspace.id, "operator desk", frozenset(), desk.id)
    audit(actor, "operator.change", world.workspace, changes=json.loads(changes))
    audit(actor, "operator.delete", membership, named=str(membership))


def test_what_others_wrote_down_of_somebody_is_forgotten_too(
    world: AccessWorld, leaver: User, settings: Any
) -> None:
    settings.FLUX_MAIL_REACHES_PEOPLE = False
    create_workspace(leaver, name=leaver.default_workspace_name)
    _handed_over(world, leaver)
    credential = _connected(world, leaver)
    _invited_elsewhere()
    _seen_in_the_console(world, leaver)
    # Somebody had claimed their address before they came.
    record_about(world.users[Role.ADMIN], "email.remove", by=None, removed=EMAIL)
    named = {"accounts_credential", "accounts_invitation", "django_admin_log"}
    assert named <= set(_naming())
    delete_person(leaver)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert _naming() == []
    credential.refresh_from_db()
    assert credential.connected_as == ""
    shared = AuditEvent.objects.get(action="flow.share").details
    assert (shared["shares"], shared["visibility"]) == ({}, "private")
    handed_over = AuditEvent.objects.filter(action="workspace.transfer")
    assert all("before" in event.details for event in handed_over)


def test_a_workspace_without_an_owner_ends_with_its_last_member_by_nobody(
    world: AccessWorld, leaver: User
) -> None:
    alone = create_workspace(leaver, name="Left alone")
    Membership.objects.filter(workspace=alone).update(role=Role.VIEWER)
    delete_person(leaver)
    assert not Workspace.objects.filter(id=alone.id).exists()
    event = AuditEvent.objects.get(action="workspace.delete", target_id=str(alone.id))
    assert (event.actor, event.details) == (SOMEBODY, {"members": 1})


def test_what_the_console_wrote_of_somebody_names_them_by_id(
    world: AccessWorld, leaver: User
) -> None:
    desk = Client()
    desk.force_login(world.users["operator"])
    membership = Membership.objects.get(workspace=world.workspace, user=leaver)
    page = f"/admin/accounts/membership/{membership.pk}/"
    own = {"workspace": str(world.workspace.pk), "user": str(leaver.pk), "role": "viewer"}
    assert desk.post(f"{page}change/", own).status_code == 302
    assert SocialAccount.objects.filter(user=leaver).exists()
    account = SocialAccount.objects.get(user=leaver)
    gone = desk.post(f"/admin/socialaccount/socialaccount/{account.pk}/delete/", {"post": "yes"})
    assert gone.status_code == 302
    theirs = f"/admin/accounts/user/{leaver.pk}/"
    form = desk.get(f"{theirs}change/").context["adminform"].form
    shown = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in shown.items() if value not in (None, False, "")}
    inline = {"id": membership.pk, "workspace": world.workspace.pk, "user": leaver.pk}
    rows = {f"memberships-0-{name}": str(value) for name, value in inline.items()}
    counts = {"memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "1"}
    sent |= {**rows, **counts, "memberships-0-role": "builder", "date_joined_0": "2026-01-01"}
    answer = desk.post(f"{theirs}change/", {**sent, "date_joined_1": "00:00:00"})
    assert answer.status_code == 302, answer.context["errors"]
    assert "django_admin_log" not in _naming()
    told = AuditEvent.objects.filter(action__startswith="operator.").values_list("details")
    assert NAME not in str(list(told))
    assert f"membership of user {leaver.pk}" in str(list(told))
    # Who is there still is shown by address.
    assert f"membership of {EMAIL}" in desk.get(f"{theirs}history/").content.decode()


def test_what_somebody_ended_or_was_called_before_is_forgotten_too(
    world: AccessWorld, leaver: User
) -> None:
    desk = world.users["operator"]
    ended, closing = (create_workspace(leaver, name=f"{NAME}'s {which}") for which in "ab")
    for workspace in (ended, closing):
        _line(desk, workspace, str(workspace))
    actor = member_actor(leaver, ended)
    assert actor is not None
    close_workspace(actor, ended)
    former = f"{NAME} in {world.workspace}: admin"
    rename_person(leaver, "Quark the Second")
    changes = [{"changed": {"name": "membership", "object": former, "fields": ["Role"]}}]
    kept = {"changed": {"name": "membership", "object": "Bob in it: admin", "fields": ["Role"]}}
    _line(desk, world.workspace, "Engines", json.dumps([*changes, kept]))
    audit(
        Actor(world.workspace.id, "operator desk", frozenset(), desk.id),
        "operator.change",
        world.workspace,
        changes=[*changes, kept],
    )
    record_refusal(by="sso", reason=f"{EMAIL} is not verified")
    delete_person(leaver)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert _naming() == []
    rest = AuditEvent.objects.get(action="operator.change").details["changes"]
    assert rest == [{"changed": {"name": "membership", "fields": ["Role"]}}, kept]


def test_others_of_the_same_name_keep_their_records(world: AccessWorld, leaver: User) -> None:
    desk = world.users["operator"]
    User.objects.filter(pk=desk.pk).update(name=NAME)
    namesake = User.objects.create_user("namesake@example.com", "x", name=NAME)
    elsewhere = create_workspace(namesake, name="Elsewhere")
    membership = Membership.objects.get(user=namesake)
    changes = [{"changed": {"name": "membership", "object": str(membership), "fields": ["Role"]}}]
    by = Actor(elsewhere.id, f"operator {NAME}", frozenset(), None)
    audit(by, "operator.change", elsewhere, changes=changes)
    audit(by, "operator.delete", membership, named=str(membership))
    _line(desk, elsewhere, "Elsewhere", json.dumps(changes))
    _line(desk, membership, str(membership))
    theirs = member_actor(leaver, world.workspace)
    assert theirs is not None
    viewer = Membership.objects.get(workspace=world.workspace, role=Role.VIEWER)
    change_role(theirs, viewer, Role.BUILDER)
    _line(desk, viewer, str(viewer))
    events = list(AuditEvent.objects.filter(workspace=elsewhere).order_by("id").values())
    lines = list(LogEntry.objects.order_by("id").values())
    desk.refresh_from_db()
    delete_person(leaver, by=operator_of(desk))
    kept = AuditEvent.objects.filter(workspace=elsewhere).order_by("id")
    assert list(kept.values()) == events
    assert list(LogEntry.objects.order_by("id").values()) == lines
    deletion = AuditEvent.objects.get(action="account.delete")
    assert (deletion.actor, deletion.user) == (f"operator {NAME}", desk)
    User.objects.create_superuser("other-root@example.com", "x")
    delete_person(desk)
    deletion.refresh_from_db()
    assert (deletion.actor, deletion.user_id) == (SOMEBODY, None)


def _line(desk: User, row: Any, called: str, message: str = "") -> None:
    """Of the console's log, as releases before wrote it."""
    LogEntry.objects.create(
        user=desk,
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=called,
        action_flag=CHANGE,
        change_message=message,
    )


def test_who_only_claimed_an_address_takes_nothing_of_its_owner_along(
    world: AccessWorld, leaver: User
) -> None:
    host = User.objects.create_user("host@example.com", "x")
    actor = member_actor(host, create_workspace(host, name="Host"))
    assert actor is not None
    invitation = invite(actor, email=EMAIL, role=Role.VIEWER).invitation
    seen = LogEntry.objects.create(
        user=world.users["operator"], object_repr=EMAIL, action_flag=CHANGE, change_message=EMAIL
    )
    kept = list(AuditEvent.objects.order_by("id").values())
    claimer = User.objects.create_user("claimer@example.com", "x")
    EmailAddress.objects.create(user=claimer, email=EMAIL, verified=False, primary=False)
    record_about(claimer, "email.remove", by=None, removed=EMAIL)
    delete_person(claimer)
    assert Invitation.objects.filter(id=invitation.id).exists()
    rows = AuditEvent.objects.filter(id__in=[row["id"] for row in kept])
    assert list(rows.order_by("id").values()) == kept
    seen.refresh_from_db()
    assert (seen.object_repr, seen.change_message) == (EMAIL, EMAIL)
    about = AuditEvent.objects.get(action="email.remove", target_id=str(claimer.pk))
    assert about.details == {}


def _naming() -> list[str]:
    """Tables with a row that holds their name or address."""
    found = []
    tables = sorted({model._meta.db_table for model in apps.get_models() if model._meta.managed})
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(
                f'SELECT count(*) FROM "{table}" AS t'
                " WHERE to_jsonb(t)::text ILIKE ANY(ARRAY['%%Zebulon%%', '%%Quark%%'])",
                [],
            )
            row = cursor.fetchone()
            if row is not None and row[0]:
                found.append(table)
    return found


def test_what_somebody_made_is_in_their_data_by_name_and_id(
    world: AccessWorld, leaver: User
) -> None:
    with export_own_data(leaver, None) as held, zipfile.ZipFile(held) as archive:
        made: dict[str, list[dict[str, Any]]] = json.loads(archive.read("made.json"))
    assert [flow["name"] for flow in made["flows"]] == ["Left behind"]
    assert [version["number"] for version in made["versions"]] == [1]
    assert [run["name"] for run in made["runs"]] == ["Left behind"]
    assert made["files"] == made["collections"] == made["documents"] == []
