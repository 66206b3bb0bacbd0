"""Who may decide an approval: named members, or everyone whose role or key allows it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts.models import ApiKey, Membership, User
from accounts.permissions import Actor, PermissionRefused
from execution.approval_models import Approval

JSON = Any


@dataclass(frozen=True)
class Person:
    """Whoever decides. Without a user it is a key nobody stands behind, or the system."""

    name: str
    user_id: UUID | None = None
    email: str = ""

    def as_decider(self, via: str) -> dict[str, JSON]:
        """What is recorded, and what the node hands on as `by`."""
        return {
            "id": str(self.user_id) if self.user_id else None,
            "email": self.email or None,
            "name": self.name,
            "via": via,
        }


def person_of(actor: Actor) -> Person:
    """The person behind an actor: the member, or who made the key and still is a member."""
    if actor.user_id is not None:
        user = User.objects.filter(id=actor.user_id).first()
    else:
        user = _maker_of_key(actor)
    if user is None:
        return Person(actor.label)
    return Person(user.name or user.email, user.id, user.email.lower())


def _maker_of_key(actor: Actor) -> User | None:
    if actor.api_key_id is None:
        return None
    key = ApiKey.objects.select_related("created_by").filter(id=actor.api_key_id).first()
    if key is None or key.created_by is None:
        return None
    return member_by_address(actor.workspace_id, key.created_by.email)


def member_by_address(workspace_id: UUID, email: str) -> User | None:
    """The member of a workspace with this address, if they may still sign in."""
    membership = (
        Membership.objects.filter(
            workspace_id=workspace_id, user__email__iexact=email, user__is_active=True
        )
        .select_related("user")
        .first()
    )
    return membership.user if membership else None


def decidable_by(actor: Actor, person: Person) -> Q:
    """Which approvals of their workspace this actor may decide."""
    if actor.api_key_id is not None and not actor.can("run.approve"):
        return Q(pk__in=[])
    named = Q(assignees__contains=[person.email]) if person.email else Q(pk__in=[])
    return named | Q(assignees=[]) if actor.can("run.approve") else named


def may_decide(actor: Actor, person: Person, approval: Approval) -> bool:
    """As `decidable_by`, for an approval at hand."""
    if actor.workspace_id != approval.workspace_id:
        return False
    if actor.api_key_id is not None and not actor.can("run.approve"):
        return False
    if approval.assignees:
        return person.email in approval.assignees
    return actor.can("run.approve")


def require_decision(actor: Actor, person: Person, approval: Approval) -> None:
    """Raises PermissionRefused with a sentence that says who may decide."""
    if may_decide(actor, person, approval):
        return
    if not approval.assignees or actor.api_key_id is not None:
        actor.require("run.approve")
    others = ", ".join(approval.assignees[:5])
    more = " and others" if len(approval.assignees) > 5 else ""
    raise PermissionRefused("run.approve", f"Only {others}{more} may decide this.")
