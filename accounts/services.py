"""Every write of the accounts app: workspaces, keys, secrets, variables and the audit trail."""

import hashlib
import re
import secrets
import string
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts import hooks
from accounts.audit.origin import current_origin
from accounts.credentials import types as credential_types
from accounts.credentials.vault import SecretUnreadable, seal, unseal
from accounts.errors import InvalidValue
from accounts.keys import rules as key_rules
from accounts.models import (
    MAX_RETENTION_DAYS,
    AccessToken,
    ApiKey,
    AuditEvent,
    Credential,
    Membership,
    Role,
    User,
    Variable,
    Workspace,
)
from accounts.permissions import DEFAULT_SCOPES, Actor

#: The highest limit of calls; above, leave it empty.
MAX_CALLS = 100_000
SLUG_LENGTH = Workspace._meta.get_field("slug").max_length or 60
_PREFIX_ALPHABET = string.ascii_lowercase + string.digits
_VARIABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def audit(actor: Actor, action: str, target: models.Model, **details: Any) -> AuditEvent:
    """Write who did what to what. Called by the service that does it, in its transaction."""
    return record_audit(
        action,
        target,
        workspace_id=actor.workspace_id,
        user_id=actor.user_id,
        label=actor.label,
        details=details,
    )


def record_audit(
    action: str,
    target: models.Model,
    *,
    workspace_id: UUID | None,
    user_id: UUID | None,
    label: str,
    details: Mapping[str, Any],
) -> AuditEvent:
    """The audit row itself; `audit` is what services call, this is for what has no workspace.

    What has a name is called by it in the details, so that the trail can be read without the row.
    """
    origin = current_origin()
    # A person's name is theirs: their events are told apart by the person.
    named = getattr(target, "name", None) if not isinstance(target, User) else None
    if isinstance(named, str) and named:
        details = {"name": named, **details}
    return AuditEvent.objects.create(
        via=origin.via[:24],
        ip=origin.ip,
        workspace_id=workspace_id,
        user_id=user_id,
        actor=label[:200],
        action=action,
        target_type=target._meta.label_lower[:40],
        target_id=str(target.pk)[:64],
        details=dict(details),
    )


# Workspaces ---------------------------------------------------------------------------------


def create_workspace(user: User, *, name: str) -> Workspace:
    """A new workspace with `user` as its owner; what others registered for it is done as well."""
    name = _text("name", name, 120)
    with transaction.atomic():
        workspace = _new_workspace(name)
        Membership.objects.create(workspace=workspace, user=user, role=Role.OWNER)
        owner = Actor(workspace.id, str(user), frozenset(), user_id=user.id)
        audit(owner, "workspace.create", workspace, name=name)
        hooks.workspace_created(workspace, user)
    return workspace


def _new_workspace(name: str) -> Workspace:
    # Room for a suffix: 8 hex digits and a dash.
    base = slugify(name)[: SLUG_LENGTH - 9] or "workspace"
    try:
        with transaction.atomic():
            return Workspace.objects.create(name=name, slug=base)
    except IntegrityError:
        return Workspace.objects.create(name=name, slug=f"{base}-{secrets.token_hex(4)}")


def update_workspace(
    actor: Actor,
    workspace: Workspace,
    *,
    name: str,
    default_model: str,
    retention_days: int | None,
) -> None:
    """Rename a workspace, set the model of nodes that name none, and how long runs are kept.

    `retention_days` counts from a run's end; None leaves it to the installation. Fewer days delete
    what is older, within the hour.
    """
    actor.require("workspace.edit")
    workspace.name = _text("name", name, 120)
    workspace.default_model = default_model.strip()
    if workspace.default_model and not re.fullmatch(r"[a-z_]+/\S{1,140}", workspace.default_model):
        raise InvalidValue(
            "default_model", "Write provider/name, as in anthropic/claude-haiku-5-5, or nothing."
        )
    if retention_days is not None and not 1 <= retention_days <= MAX_RETENTION_DAYS:
        raise InvalidValue(
            "retention_days", f"Write a number of days from 1 to {MAX_RETENTION_DAYS}, or nothing."
        )
    workspace.retention_days = retention_days
    with transaction.atomic():
        workspace.save(update_fields=["name", "default_model", "retention_days"])
        audit(
            actor,
            "workspace.edit",
            workspace,
            name=workspace.name,
            default_model=workspace.default_model,
            retention_days=retention_days,
        )


# API keys -----------------------------------------------------------------------------------


def create_api_key(
    actor: Actor,
    *,
    name: str,
    scopes: Iterable[str] = DEFAULT_SCOPES,
    expires_at: datetime | None = None,
    requests_per_minute: int | None = None,
    monthly_budget: Decimal | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its token `flux_<prefix>_<secret>`, which is never shown again.

    `monthly_budget`: US dollars that its runs may cost in a calendar month (UTC). A key makes none
    with more scopes or wider limits than its own. Raises InvalidValue, PermissionRefused.
    """
    actor.require("key.manage")
    given = key_rules.granted(actor, scopes)
    limits = key_rules.checked(
        actor, key_rules.KeyLimits(expires_at, requests_per_minute, monthly_budget)
    )
    prefix = "".join(secrets.choice(_PREFIX_ALPHABET) for _ in range(8))
    token = f"flux_{prefix}_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        key = ApiKey.objects.create(
            workspace_id=actor.workspace_id,
            name=key_name(name),
            prefix=prefix,
            digest=token_digest(token),
            scopes=given,
            created_by_id=_responsible(actor),
            **asdict(limits),
        )
        audit(actor, "key.create", key, name=key.name, prefix=prefix, scopes=given)
    return key, token


def _responsible(actor: Actor) -> UUID | None:
    """Who stands for a new key: of one that a key makes, whoever made that one."""
    if actor.api_key_id is None:
        return actor.user_id
    return ApiKey.objects.values_list("created_by", flat=True).get(id=actor.api_key_id)


def key_name(name: str) -> str:
    """A key's name as it is kept. Raises InvalidValue."""
    return _text("name", name, 120)


def token_digest(token: str) -> str:
    """What is kept of a token. It has 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def revoke_api_key(actor: Actor, key: ApiKey) -> ApiKey:
    """Stop a key at once; doing it twice changes nothing."""
    actor.require("key.manage")
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        with transaction.atomic():
            key.save(update_fields=["revoked_at"])
            audit(actor, "key.revoke", key, name=key.name, prefix=key.prefix)
    return key


# Credentials --------------------------------------------------------------------------------


def create_credential(
    actor: Actor,
    *,
    name: str,
    type: str,
    values: Mapping[str, Any],
    max_concurrent: int | None = None,
    requests_per_minute: int | None = None,
) -> Credential:
    """Store a secret. `values` holds the fields of credential_types.FIELDS[type].

    `max_concurrent` calls are made with it at once, `requests_per_minute` begin in a minute, over
    all workers; None: no limit.
    """
    actor.require("credential.manage")
    open_part, secret_part = credential_types.split(type, values)
    name = _text("name", name, 120)
    taken = InvalidValue("name", f"A credential named '{name}' exists already.")
    with _unique(taken), transaction.atomic():
        credential = Credential.objects.create(
            workspace_id=actor.workspace_id,
            name=name,
            type=type,
            settings=open_part,
            secret=seal(actor.workspace_id, secret_part),
            created_by_id=actor.user_id,
            max_concurrent=_limit("max_concurrent", max_concurrent),
            requests_per_minute=_limit("requests_per_minute", requests_per_minute),
        )
        audit(actor, "credential.create", credential, name=name, type=type)
    return credential


def replace_secret(actor: Actor, credential: Credential, values: Mapping[str, Any]) -> Credential:
    """Change a credential's fields; a secret field that is left empty keeps its value."""
    actor.require("credential.manage")
    with transaction.atomic():
        # Held: a token server may give a new refresh token at this moment.
        row = Credential.objects.select_for_update().get(id=credential.id)
        credential.settings, secret_part = credential_change(row, values)
        credential.secret = seal(credential.workspace_id, secret_part)
        if "refresh_token" not in secret_part:
            credential_types.end_connection(credential)
        changed = ("settings", "secret", "updated_at", *credential_types.CONNECTION)
        credential.save(update_fields=changed)
        AccessToken.objects.filter(credential=credential).delete()
        audit(actor, "credential.replace", credential, name=credential.name)
    return credential


def limit_credential(
    actor: Actor,
    credential: Credential,
    *,
    max_concurrent: int | None,
    requests_per_minute: int | None,
) -> Credential:
    """Set how many calls are made with a credential at once and in a minute; None: no limit.

    Workers know of it within five seconds.
    """
    actor.require("credential.manage")
    credential.max_concurrent = _limit("max_concurrent", max_concurrent)
    credential.requests_per_minute = _limit("requests_per_minute", requests_per_minute)
    with transaction.atomic():
        credential.save(update_fields=["max_concurrent", "requests_per_minute", "updated_at"])
        audit(
            actor,
            "credential.limit",
            credential,
            name=credential.name,
            max_concurrent=max_concurrent,
            requests_per_minute=requests_per_minute,
        )
    return credential


def _limit(field: str, value: int | None) -> int | None:
    if value is not None and not 1 <= value <= MAX_CALLS:
        raise InvalidValue(field, f"Give a number from 1 to {MAX_CALLS:,}, or nothing.")
    return value


def credential_change(
    credential: Credential, values: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """(settings, secret) as they would be with these values. Raises InvalidValue."""
    filled = {name: value for name, value in values.items() if value}
    secrets_left_out = [
        field.name
        for field in credential_types.FIELDS[credential.type]
        if field.secret and field.name not in filled
    ]
    stored = _kept_secret(credential, secrets_left_out[0]) if secrets_left_out else {}
    kept = {name: stored[name] for name in secrets_left_out if name in stored}
    open_part, secret_part = credential_types.split(credential.type, {**kept, **filled})
    moved = credential_types.address_moved(credential.type, credential.settings, open_part)
    if moved and open_part.get("grant") == credential_types.CONNECTED:
        # A person connects it anew; nobody could enter this one again.
        kept.pop("refresh_token", None)
        secret_part.pop("refresh_token", None)
    if kept and moved:
        # Else whoever may edit a credential could have its secret sent to themselves.
        raise InvalidValue(moved, "Enter the key again when you change the address.")
    return open_part, secret_part


def _kept_secret(credential: Credential, field: str) -> dict[str, Any]:
    try:
        return unseal(credential.workspace_id, credential.secret)
    except SecretUnreadable:
        raise InvalidValue(
            field, "What is stored cannot be read any more. Enter it again."
        ) from None


def delete_credential(actor: Actor, credential: Credential) -> None:
    """Forget a secret for ever."""
    actor.require("credential.manage")
    with transaction.atomic():
        audit(actor, "credential.delete", credential, name=credential.name, type=credential.type)
        credential.delete()


# Variables ----------------------------------------------------------------------------------


def set_variable(actor: Actor, name: str, value: Any) -> Variable:
    """Create or change a plain value that flows read as `{{ vars.name }}`."""
    actor.require("variable.manage")
    if not _VARIABLE_NAME.fullmatch(name):
        raise InvalidValue(
            "name", "A name begins with a letter and has small letters, digits and _ only."
        )
    with transaction.atomic():
        variable, _ = Variable.objects.update_or_create(
            workspace_id=actor.workspace_id, name=name, defaults={"value": value}
        )
        audit(actor, "variable.set", variable, name=name)
    return variable


def delete_variable(actor: Actor, variable: Variable) -> None:
    """Remove a value; flows that read it say so at validation."""
    actor.require("variable.manage")
    with transaction.atomic():
        audit(actor, "variable.delete", variable, name=variable.name)
        variable.delete()


@contextmanager
def _unique(taken: InvalidValue) -> Iterator[None]:
    """Let the database's constraint decide who was first."""
    try:
        yield
    except IntegrityError as error:
        raise taken from error


def _text(field: str, value: str, longest: int) -> str:
    """A name as it is kept: one line, not empty. PostgreSQL refuses NUL characters."""
    value = " ".join(value.replace("\x00", "").split())
    if not value:
        raise InvalidValue(field, "Give it a name.")
    if len(value) > longest:
        raise InvalidValue(field, f"A name has {longest} characters at most.")
    return value
