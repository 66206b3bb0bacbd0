"""Workspaces, keys, variables and the audit trail."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import hooks
from accounts.checks import settings_are_usable
from accounts.errors import InvalidValue
from accounts.models import ApiKey, AuditEvent, Membership, Role, User, Variable, Workspace
from accounts.permissions import Actor, PermissionRefused, key_actor
from accounts.services import (
    create_api_key,
    create_workspace,
    delete_variable,
    revoke_api_key,
    set_variable,
    token_digest,
    update_workspace,
)


def test_a_new_workspace_has_its_maker_as_owner_and_an_audit_event(owner: User) -> None:
    workspace = create_workspace(owner, name="  Ada's  lab ")
    assert (workspace.name, workspace.slug) == ("Ada's lab", "adas-lab")
    assert Membership.objects.get(workspace=workspace).role == Role.OWNER
    event = AuditEvent.objects.get(action="workspace.create")
    assert (event.workspace_id, event.user_id, event.target_id) == (
        workspace.id,
        owner.id,
        str(workspace.id),
    )


def test_two_workspaces_of_one_name_get_different_slugs(owner: User) -> None:
    first, second = (create_workspace(owner, name="Lab") for _ in range(2))
    assert first.slug == "lab"
    assert second.slug.startswith("lab-")


def test_a_name_without_letters_still_gets_a_slug(owner: User) -> None:
    assert create_workspace(owner, name="日本").slug == "workspace"


def test_what_others_registered_is_done_for_a_new_workspace_or_nothing_is(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(hooks, "_workspace_created", [])
    hooks.on_workspace_created(lambda workspace, user: seen.append((workspace.name, user.email)))
    create_workspace(owner, name="Lab")
    assert seen == [("Lab", "ada@example.com")]

    def fail(workspace: Workspace, user: User) -> None:
        raise RuntimeError("no examples")

    hooks.on_workspace_created(fail)
    with pytest.raises(RuntimeError):
        create_workspace(owner, name="Never")
    assert not Workspace.objects.filter(name="Never").exists()


def test_only_the_digest_of_a_key_is_kept(actor: Actor) -> None:
    key, token = create_api_key(actor, name="ci")
    assert token.startswith(f"flux_{key.prefix}_")
    assert len(token) == len("flux_") + 8 + 1 + 43
    assert key.digest == token_digest(token)
    columns = ApiKey.objects.filter(id=key.id).values().get()
    assert not any(token[14:] in str(value) for value in columns.values())


def test_a_key_needs_known_scopes_and_a_future(actor: Actor) -> None:
    with pytest.raises(InvalidValue, match=r"no scope 'flows:rule'.*flows:read"):
        create_api_key(actor, name="ci", scopes=["flows:rule"])
    with pytest.raises(InvalidValue, match="needs a scope"):
        create_api_key(actor, name="ci", scopes=[])
    with pytest.raises(InvalidValue, match="future"):
        create_api_key(actor, name="ci", expires_at=timezone.now() - timedelta(seconds=1))


def test_a_key_cannot_make_keys(actor: Actor) -> None:
    key, _ = create_api_key(actor, name="ci")
    as_key = key_actor(actor.workspace_id, key.id, key.name, key.scopes)
    with pytest.raises(PermissionRefused, match="scope keys:write"):
        create_api_key(as_key, name="another")


def test_a_refused_key_is_told_the_scope_that_helps(actor: Actor) -> None:
    as_key = key_actor(actor.workspace_id, actor.workspace_id, "reader", ["flows:read"])
    with pytest.raises(PermissionRefused, match="runs:write"):
        as_key.require("run.start")


def test_revoking_twice_writes_one_audit_event(actor: Actor) -> None:
    key, _ = create_api_key(actor, name="ci")
    stopped = revoke_api_key(actor, key).revoked_at
    assert revoke_api_key(actor, ApiKey.objects.get(id=key.id)).revoked_at == stopped
    assert AuditEvent.objects.filter(action="key.revoke").count() == 1


def test_a_variable_is_set_changed_and_removed(actor: Actor) -> None:
    set_variable(actor, "greeting", "hi")
    variable = set_variable(actor, "greeting", {"en": "hello"})
    assert Variable.objects.get().value == {"en": "hello"}
    delete_variable(actor, variable)
    assert not Variable.objects.exists()
    actions = AuditEvent.objects.filter(action__startswith="variable").values_list("action")
    assert sorted(action for (action,) in actions) == [
        "variable.delete",
        "variable.set",
        "variable.set",
    ]


@pytest.mark.parametrize("name", ["", "1st", "Upper", "with-dash", "a" * 64, "x y"])
def test_a_variable_needs_a_name_that_expressions_can_read(actor: Actor, name: str) -> None:
    with pytest.raises(InvalidValue):
        set_variable(actor, name, 1)


def test_a_workspace_is_renamed_and_given_a_model(actor: Actor, workspace: Workspace) -> None:
    update_workspace(
        actor,
        workspace,
        name="New",
        default_model="anthropic/claude-haiku-5-5",
        retention_days=30,
    )
    workspace.refresh_from_db()
    assert (workspace.name, workspace.default_model) == ("New", "anthropic/claude-haiku-5-5")
    assert workspace.retention_days == 30
    with pytest.raises(InvalidValue, match="from 1 to"):
        update_workspace(actor, workspace, name="New", default_model="", retention_days=0)
    with pytest.raises(InvalidValue, match="provider/name"):
        update_workspace(actor, workspace, name="New", default_model="haiku", retention_days=None)


@pytest.mark.parametrize(("days", "found"), [(None, []), (30, []), (-1, ["accounts.E003"])])
def test_days_to_keep_runs_for_that_make_no_sense_are_named(
    settings: Any, days: int | None, found: list[str]
) -> None:
    settings.FLUX_RETENTION_DAYS = days
    assert [error.id for error in settings_are_usable(None)] == found
    settings.FLUX_RETENTION_DAYS, settings.FLUX_MEMORY_DAYS = None, days
    assert len(settings_are_usable(None)) == len(found)
