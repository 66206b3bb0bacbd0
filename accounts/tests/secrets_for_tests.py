"""Looks into the vault, for tests."""

from typing import Any
from uuid import UUID

from accounts.credentials.vault import open_newest


def credential_secret(
    workspace_id: UUID, kind: str
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(settings, secret) of the newest credential of this type."""
    opened = open_newest(workspace_id, kind)
    return None if opened is None else (opened.settings, opened.secret)
