"""A workspace that is closed leaves nothing behind but its audit trail."""

import io
from typing import Any

import pytest
from django.db import connection
from temporalio.client import WorkflowExecutionStatus

from accounts.members.closing import close_workspace
from accounts.models import AuditEvent, Role, User, Workspace
from accounts.permissions import ROLE_ACTIONS, Actor, PermissionRefused, member_actor
from accounts.services import create_workspace
from execution.files.models import File, Leftover
from execution.files.services import store_file
from execution.files.storage import storage
from execution.models import CredentialRate, Run, RunStatus
from execution.services import start_run
from execution.temporal_client import run_sync
from execution.tests.flows_for_tests import document, output, published, start_node, until
from fluxprompt.tests.rows_for_tests import one_of_everything

#: Tables with rows that belong to no workspace, though `one_of_everything` makes some.
NOBODYS = {
    "accounts_auditevent",
    "accounts_featureswitch",
    "accounts_plan",
    "accounts_systemsetting",
    "accounts_user",
    "account_emailaddress",
    "auth_group",
    "billing_cataloguemodel",
    "billing_priceoverride",
    "django_admin_log",
    "django_session",
    "flux_cache",
    "mfa_authenticator",
    "socialaccount_socialaccount",
    "usersessions_usersession",
}


def rows_of_every_table() -> dict[str, int]:
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        counts = {}
        for table in set(tables) - NOBODYS:
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            counts[table] = cursor.fetchone()[0]
    return counts


@pytest.mark.django_db
def test_nothing_of_a_closed_workspace_is_left_in_any_table_but_its_audit_trail(
    django_capture_on_commit_callbacks: Any,
) -> None:
    one_of_everything(1)
    before = rows_of_every_table()
    world = one_of_everything(2)
    File.objects.filter(workspace=world.workspace).delete()
    Leftover.objects.all().delete()
    file = store_file(world.actor, "note.txt", io.BytesIO(b"words"))
    credential = world.workspace.credentials.get()
    CredentialRate.objects.create(
        credential=credential.id, next_at=file.created_at, wait=0, granted=True
    )
    made = rows_of_every_table()
    assert sum(made.values()) > sum(before.values()) + 25
    told = set(AuditEvent.objects.filter(workspace=world.workspace).values_list("id", flat=True))
    with django_capture_on_commit_callbacks(execute=True):
        close_workspace(world.actor, world.workspace)
    assert rows_of_every_table() == before
    assert not storage().exists(file.key)
    # The trail is there, and says of what it was.
    kept = AuditEvent.objects.filter(workspace=None).values_list("id", flat=True)
    assert len(told) > 20
    assert told < set(kept)
    event = AuditEvent.objects.get(action="workspace.delete")
    assert event.target_id == str(world.workspace.id)
    assert event.details["name"] == "Lab 2"


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.ADMIN, Role.BUILDER, Role.VIEWER])
def test_only_an_owner_closes_a_workspace(role: Role, without_examples: None) -> None:
    owner = User.objects.create_user("ada@example.com", "x")
    workspace = create_workspace(owner, name="Lab")
    with pytest.raises(PermissionRefused):
        close_workspace(Actor(workspace.id, "x", ROLE_ACTIONS[role]), workspace)
    assert Workspace.objects.filter(id=workspace.id).exists()
    mine = member_actor(owner, workspace)
    assert mine is not None
    close_workspace(mine, workspace)
    assert not Workspace.objects.filter(id=workspace.id).exists()
    assert User.objects.filter(id=owner.id).exists()


@pytest.mark.usefixtures("stack")
def test_runs_at_work_are_stopped_when_their_workspace_is_closed(without_examples: None) -> None:
    owner = User.objects.create_user("ada@example.com", "x")
    workspace = create_workspace(owner, name="Lab")
    actor = member_actor(owner, workspace)
    assert actor is not None
    waiting = document(
        [start_node("text"), {"id": "nap", "type": "wait", "config": {"seconds": 3600}}, output(1)],
        ["start>nap", "nap>end"],
    )
    run = start_run(actor, published(actor, waiting), {"text": "x"}).run
    until(lambda: Run.objects.get(id=run.id).status == RunStatus.WAITING)
    close_workspace(actor, workspace)
    described = run_sync(lambda client: client.get_workflow_handle(run.workflow_id).describe())
    assert described.status == WorkflowExecutionStatus.TERMINATED
    assert not Run.objects.filter(id=run.id).exists()
