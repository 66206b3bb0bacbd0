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

from accounts.authentication.sign_ins import record_about
from accounts.authentication.verified import vouch_for
from accounts.members.changes import change_role, transfer_workspace
from accounts.members.invitations import accept_invitation, invite
from accounts.models import AuditEvent, Credential, Invitation, Membership, Role, User, Workspace
from accounts.people.departing import delete_person
from accounts.people.forgetting import SOMEBODY
from accounts.people.own_data import export_own_data
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
        LogEntry.objects.create(
            user=desk,
            content_type=ContentType.objects.get_for_model(row),
            object_id=str(row.pk),
            object_repr=str(row),
            action_flag=CHANGE,
            change_message=message,
        )
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
    assert (event.actor, event.details) == (SOMEBODY, {})


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
