"""The flows app."""

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from accounts.hooks import CredentialUse
    from accounts.models import Credential, User, Workspace


class FlowsConfig(AppConfig):
    name = "flows"

    def ready(self) -> None:
        from accounts.hooks import on_workspace_created, tells_who_uses_credentials

        on_workspace_created(_give_examples)
        tells_who_uses_credentials(_credential_uses)


def _credential_uses(credential: "Credential") -> "list[CredentialUse]":
    from flows.credential_uses import credential_uses

    return credential_uses(credential)


def _give_examples(workspace: "Workspace", owner: "User") -> None:
    """A new workspace starts with the examples."""
    # Imported when used: the engine need not be read by every command that starts Django.
    from accounts.permissions import system_actor
    from flows.services import load_examples

    load_examples(system_actor(workspace.id))
