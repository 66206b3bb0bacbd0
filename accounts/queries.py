"""Reads of the accounts app for pages: what an actor may see of their workspace."""

from django.db import models
from django.db.models import QuerySet
from django.db.models.functions import Cast

from accounts.models import ApiKey, Credential, Membership, Variable
from accounts.permissions import Actor


def credentials(actor: Actor) -> QuerySet[Credential]:
    """Stored secrets without the secrets; for those who manage them."""
    rows = Credential.objects.defer("secret").order_by("name")
    if not actor.can("credential.manage"):
        return rows.none()
    return rows.filter(workspace_id=actor.workspace_id)


def credentials_to_name(actor: Actor) -> QuerySet[Credential]:
    """Names and types of stored secrets, for those who build flows that name them."""
    rows = Credential.objects.only("name", "type").order_by("name")
    if not actor.can("flow.edit"):
        return rows.none()
    return rows.filter(workspace_id=actor.workspace_id)


def api_keys(actor: Actor) -> QuerySet[ApiKey]:
    """Keys that were not revoked, the newest first."""
    rows = ApiKey.objects.select_related("created_by").order_by("-created_at")
    if not actor.can("key.manage"):
        return rows.none()
    return rows.filter(workspace_id=actor.workspace_id, revoked_at=None)


def variables(actor: Actor) -> QuerySet[Variable]:
    """The workspace's variables, by name, each `shown` as JSON. Every member may read them."""
    rows = Variable.objects.annotate(shown=Cast("value", models.TextField())).order_by("name")
    if not actor.can("workspace.read"):
        return rows.none()
    return rows.filter(workspace_id=actor.workspace_id)


def members(actor: Actor) -> QuerySet[Membership]:
    """Who is in the workspace, with the people, in the order they came in."""
    rows = Membership.objects.select_related("user", "invited_by").order_by("created_at", "id")
    if not actor.can("member.read"):
        return rows.none()
    return rows.filter(workspace_id=actor.workspace_id)
