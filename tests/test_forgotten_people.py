"""What is left of somebody whose account is deleted, looked for in every table."""

import json
import zipfile
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.departing import SOMEBODY, delete_person
from accounts.models import AuditEvent, Membership, Role, User
from accounts.own_data import export_own_data
from accounts.permissions import member_actor
from accounts.verified import vouch_for
from execution.approval_models import Approval
from execution.models import Run
from flows.models import FlowChange
from flows.services import create_flow, publish_flow, replace_draft
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
