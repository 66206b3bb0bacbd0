"""The flows app."""

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from accounts.hooks import CredentialUse, Made
    from accounts.models import Credential, User, Workspace
    from flows.engine.document import Document
    from flows.engine.errors import Problem


class FlowsConfig(AppConfig):
    name = "flows"

    def ready(self) -> None:
        from accounts.hooks import (
            on_membership_ended,
            on_person_deleted,
            on_workspace_created,
            tells_what_people_made,
            tells_who_uses_credentials,
        )
        from flows.hooks import finds_problems

        on_workspace_created(_give_examples)
        finds_problems(_switched_off)
        tells_who_uses_credentials(_credential_uses)
        tells_what_people_made(_made_by)
        on_person_deleted(_forget)
        on_membership_ended(_forget_shares)


def _switched_off(document: "Document", workspace_id: "UUID") -> "list[Problem]":
    from flows.switched_off import switched_off_problems

    return switched_off_problems(document, workspace_id)


def _forget_shares(workspace: "Workspace", user: "User") -> None:
    """Should they come back, nothing is shared with them any more."""
    from flows.models import FlowShare

    FlowShare.objects.filter(flow__workspace=workspace, user=user).delete()


def _credential_uses(credential: "Credential") -> "list[CredentialUse]":
    from flows.credential_uses import credential_uses

    return credential_uses(credential)


def _made_by(
    user: "User", workspaces: "Collection[UUID]", most: int
) -> "Mapping[str, Sequence[Made]]":
    from flows.leavers import made_flows

    return made_flows(user, workspaces, most)


def _forget(user: "User") -> None:
    from flows.leavers import forget_name

    forget_name(user)


def _give_examples(workspace: "Workspace", owner: "User") -> None:
    """A new workspace starts with the examples."""
    # Imported when used: the engine need not be read by every command that starts Django.
    from accounts.permissions import system_actor
    from flows.services import load_examples

    load_examples(system_actor(workspace.id))
