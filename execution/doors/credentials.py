"""Opens the credentials that nodes name, within their limits, and remembers what to mask."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import quote
from uuid import UUID

from accounts.credentials.vault import (
    OpenCredential,
    SecretUnreadable,
    mask,
    note_use,
    open_credential,
    secret_strings,
)
from accounts.models import CredentialType
from execution.credential_limits import limits_from, room_for
from execution.database import in_database
from execution.oauth2 import access_token
from flows.engine.doors.credentials import OpenedCredential
from flows.engine.errors import NodeError


class RunCredentials:
    """The `Credentials` of one attempt. `secrets` are the strings that must not be seen."""

    def __init__(self, workspace_id: UUID) -> None:
        self._workspace_id = workspace_id
        self.secrets: set[str] = set()

    @asynccontextmanager
    async def open(
        self, reference: str, types: Sequence[str], *, field: str = "credential"
    ) -> AsyncGenerator[OpenedCredential]:
        opened = await in_database(lambda: self._opened(reference, field))
        if opened.type not in types:
            raise _unfit(opened, types, field)
        self.secrets |= secret_strings(opened.secret) | _sent_forms(opened)
        handed = (
            await self._with_token(opened)
            if opened.type == CredentialType.OAUTH2
            else OpenedCredential(opened.name, opened.type, opened.settings, opened.secret)
        )
        async with room_for(limits_from(opened)):
            yield handed

    async def _with_token(self, opened: OpenCredential, stale: str = "") -> OpenedCredential:
        """An OAuth 2.0 client as nodes get it: its access token, never its own secrets."""
        token, secrets = await access_token(self._workspace_id, opened, stale=stale)
        self.secrets |= secrets
        return OpenedCredential(
            opened.name,
            opened.type,
            opened.settings,
            {"token": token},
            renew=lambda: self._with_token(opened, stale=token),
        )

    def masked(self, text: str) -> str:
        return mask(text, self.secrets)

    def _opened(self, reference: str, field: str) -> OpenCredential:
        try:
            opened = open_credential(self._workspace_id, reference.strip())
        except SecretUnreadable as error:
            raise NodeError("credential_unreadable", error.message, field=field) from error
        if opened is None:
            message = (
                f"This workspace has no credential '{reference[:100]}'. Make one under Settings, "
                "or name another."
            )
            raise NodeError("credential_missing", message, field=field)
        note_use(opened.id)
        return opened


def _sent_forms(opened: OpenCredential) -> set[str]:
    """Texts that hold a secret in a form of their own: user and password go as one, in base64."""
    if opened.type == CredentialType.OAUTH2:
        client = quote(opened.settings.get("client_id", ""), safe="")
        return {f"{client}:{quote(opened.secret.get('client_secret', ''), safe='')}"}
    if opened.type != CredentialType.BASIC:
        return set()
    return {f"{opened.settings.get('username', '')}:{opened.secret.get('password', '')}"}


def _unfit(opened: OpenCredential, types: Sequence[str], field: str) -> NodeError:
    names = [str(CredentialType(name).label) for name in types]
    wanted = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    message = (
        f"The credential '{opened.name}' is of the type "
        f"'{CredentialType(opened.type).label}'; choose one of the type {wanted}."
    )
    return NodeError("credential_unfit", message, field=field)
