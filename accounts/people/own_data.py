"""What is stored of a person, as a file they can take along."""

import json
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import hooks
from accounts.audit.queries import event_payload
from accounts.authentication.connections import connections_of
from accounts.authentication.sessions import sessions_of
from accounts.authentication.sign_ins import record_about
from accounts.models import ApiKey, AuditEvent, Credential, Membership, User

#: Events, and things of one kind, that are in it at most: the newest.
MOST = 50_000
#: Bytes beyond which it is kept on the disk while it is made.
IN_MEMORY = 5_000_000
README = (
    "What this FluxPrompt stores of you. Of what you made in workspaces there are names and ids; "
    "flows are exported from their own pages. At most {most:,} events and things of a kind are "
    "listed, the newest."
)


def export_own_data(user: User, session_key: str | None) -> IO[bytes]:
    """A zip of JSON, to be read from its beginning; the export is an event as well."""
    made = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 – the answer closes it
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "about.json", {"about": README.format(most=MOST), "at": timezone.now()})
        _add(archive, "profile.json", _profile(user))
        _add(archive, "memberships.json", _memberships(user))
        _add(archive, "sessions.json", [vars(one) for one in sessions_of(user, session_key)])
        _add(archive, "made.json", _made(user))
        _add(archive, "events.json", _events(user))
    made.seek(0)
    with transaction.atomic():
        record_about(user, "profile.export")
    return made


def _add(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    """A list is written as it is read."""
    with archive.open(name, "w") as file:
        if isinstance(value, list | dict):
            file.write(_json(value, indent=2))
            return
        file.write(b"[\n")
        for number, row in enumerate(value):
            file.write((b",\n" if number else b"") + _json(row))
        file.write(b"\n]\n")


def _json(value: Any, indent: int | None = None) -> bytes:
    return json.dumps(value, indent=indent, ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value)} is not written.")


def _profile(user: User) -> dict[str, Any]:
    from allauth.account.models import EmailAddress
    from allauth.mfa.models import Authenticator

    addresses = EmailAddress.objects.filter(user=user).values("email", "verified", "primary")
    factors = Authenticator.objects.filter(user=user)
    return {
        "id": user.pk,
        "email": user.email,
        "name": user.name,
        "joined": user.date_joined,
        "last_sign_in": user.last_login,
        "is_operator": user.is_staff,
        "has_password": user.has_usable_password(),
        "addresses": list(addresses),
        "factors": list(factors.values("type", "created_at", "last_used_at")),
        "connected_accounts": [vars(one) for one in connections_of(user)],
    }


def _memberships(user: User) -> list[dict[str, Any]]:
    rows = Membership.objects.filter(user=user).select_related("workspace").order_by("created_at")
    return [
        {
            "workspace": row.workspace.name,
            "workspace_id": row.workspace_id,
            "role": row.role,
            "since": row.created_at,
        }
        for row in rows
    ]


def _made(user: User) -> dict[str, Sequence[hooks.Made]]:
    """By kind; in workspaces they are in no more it is none of their business."""
    workspaces = list(Membership.objects.filter(user=user).values_list("workspace_id", flat=True))
    own = {"created_by": user, "workspace__in": workspaces}
    keys = ApiKey.objects.filter(**own).order_by("-created_at")
    credentials = Credential.objects.filter(**own).order_by("-created_at")
    found: dict[str, Sequence[hooks.Made]] = {
        "api_keys": list(keys.values("id", "name", "workspace_id")[:MOST]),
        "credentials": list(credentials.values("id", "name", "workspace_id")[:MOST]),
    }
    return found | hooks.made_by(user, workspaces, MOST)


def _events(user: User) -> Iterable[dict[str, Any]]:
    about = Q(target_type="accounts.user", target_id=str(user.pk))
    rows = AuditEvent.objects.filter(Q(user=user) | about).select_related("workspace", "user")
    for event in rows.order_by("-at")[:MOST].iterator(chunk_size=1_000):
        yield event_payload(event)
