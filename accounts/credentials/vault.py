"""Stored secrets: sealed with the newest key, bound to their workspace, opened late and masked."""

import base64
import html
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import connection
from django.db.models import Q

from accounts.models import Credential

#: Shorter strings are not masked: replacing them would tear ordinary words apart.
SHORTEST_MASKED = 4
MASK = "••••"
_NO_KEY = (
    "This secret was encrypted with a key that FLUX_SECRET_KEYS does not hold. "
    "Add the old key after the newest one, or enter the secret again."
)


class SecretUnreadable(Exception):
    """A stored secret that no key opens, or that belongs to another workspace."""

    code = "secret_unreadable"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class OpenCredential:
    """A credential with its secret in the clear; lives only inside an activity."""

    id: UUID
    name: str
    type: str
    settings: dict[str, Any]
    secret: dict[str, Any] = field(repr=False)
    max_concurrent: int | None = None
    requests_per_minute: int | None = None


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _keys() -> MultiFernet:
    return _fernet(tuple(settings.FLUX_SECRET_KEYS))


def seal(workspace_id: UUID, value: dict[str, Any]) -> bytes:
    """Ciphertext of `value`, readable only for this workspace."""
    plain = json.dumps({"workspace": str(workspace_id), "value": value}, separators=(",", ":"))
    return _keys().encrypt(plain.encode())


def seal_text(text: str) -> str:
    """Ciphertext of something that belongs to a person and to no workspace."""
    return _keys().encrypt(text.encode()).decode()


def open_text(sealed: str) -> str:
    """What seal_text was given. Raises SecretUnreadable."""
    try:
        return _keys().decrypt(sealed).decode()
    except InvalidToken:
        raise SecretUnreadable(_NO_KEY) from None


def unseal(workspace_id: UUID, data: bytes | memoryview) -> dict[str, Any]:
    """The value that was sealed for this workspace. Raises SecretUnreadable."""
    try:
        sealed = json.loads(_keys().decrypt(bytes(data)))
    except InvalidToken:
        raise SecretUnreadable(_NO_KEY) from None
    if sealed["workspace"] != str(workspace_id):
        raise SecretUnreadable(
            "This secret was stored for another workspace. Enter it again in this one."
        )
    value: dict[str, Any] = sealed["value"]
    return value


def open_newest(workspace_id: UUID, credential_type: str) -> OpenCredential | None:
    """The newest credential of this type; None where there is none. Raises SecretUnreadable."""
    rows = Credential.objects.filter(workspace_id=workspace_id, type=credential_type)
    row = rows.order_by("-created_at", "-id").first()
    return None if row is None else _opened(row)


def open_credential(workspace_id: UUID, reference: str) -> OpenCredential | None:
    """The credential a node names, by name or id; None where the workspace has no such one."""
    wanted = Q(name=reference)
    with suppress(ValueError):  # An ordinary name is no UUID.
        wanted |= Q(id=UUID(reference))
    row = Credential.objects.filter(wanted, workspace_id=workspace_id).first()
    return None if row is None else _opened(row)


def _opened(row: Credential) -> OpenCredential:
    return OpenCredential(
        row.id,
        row.name,
        row.type,
        row.settings,
        unseal(row.workspace_id, row.secret),
        row.max_concurrent,
        row.requests_per_minute,
    )


# One row in a minute at most, and no waiting for whoever has it: a credential that is changed or
# used by many at this moment is noted by the next one.
_NOTE_USE = """
UPDATE accounts_credential SET last_used_at = now() WHERE id = (
  SELECT id FROM accounts_credential
  WHERE id = %s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
  FOR NO KEY UPDATE SKIP LOCKED)
"""


def note_use(credential_id: UUID) -> None:
    """Remember that a credential is used now, to the minute."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_USE, [credential_id])


def secret_strings(value: Any) -> set[str]:
    """Every string inside a secret that must not be seen."""
    if isinstance(value, str):
        return {value} if len(value) >= SHORTEST_MASKED else set()
    if isinstance(value, dict):
        return set[str]().union(*(secret_strings(item) for item in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(secret_strings(item) for item in value))
    return set()


def mask(text: str, secrets: Iterable[str]) -> str:
    """`text` without the secrets, also where they are URL-, JSON-, HTML- or base64-encoded."""
    forms: set[str] = set()
    for secret in secrets:
        if len(secret) >= SHORTEST_MASKED:
            forms |= _forms(secret)
    # Longest first, so that a secret inside a longer one leaves no rest of it behind.
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def mask_all(value: Any, secrets: Iterable[str]) -> Any:
    """A JSON value without the secrets, wherever in its texts and names they stand."""
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, dict):
        return {mask(name, secrets): mask_all(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        return [mask_all(item, secrets) for item in value]
    return value


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    in_json = json.dumps(secret)[1:-1]
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        html.escape(secret),
        in_json,
        in_json.replace("/", "\\/"),  # as PHP writes it
        json.dumps(secret, ensure_ascii=False)[1:-1],
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    }
