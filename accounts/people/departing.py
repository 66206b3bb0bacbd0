"""A person's account is deleted: what ends with it, what stays, and what stands in the way."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import hooks
from accounts.authentication.sessions import end_sessions
from accounts.errors import DeletionRefused, MembershipRefused
from accounts.members.closing import close_workspace, end_membership
from accounts.models import ApiKey, AuditEvent, Membership, Role, User, Workspace
from accounts.operators.operating import Operator
from accounts.people.forgetting import SOMEBODY, forget, traces_of
from accounts.permissions import Actor, member_actor, system_actor

_MOVED = "They joined or left a workspace at this moment. Look at what would end, and try again."
_GONE = "This account was deleted at this moment, by somebody else or in another window."
_LAST_OPERATOR = (
    "This is the account of the only operator of this installation. Make somebody else one first, "
    "in the operators' console."
)


@dataclass(frozen=True)
class Departure:
    """What the deletion of an account would do."""

    closing: tuple[Workspace, ...]
    leaving: tuple[Workspace, ...]
    #: Workspaces of which they are the only owner, while others are in them.
    blocking: tuple[Workspace, ...]
    #: A sentence that says what else stands in the way; empty: nothing.
    refusal: str = ""

    def check(self) -> None:
        """Raises DeletionRefused, with the sentence that says what to do first."""
        if self.refusal:
            raise DeletionRefused(self.refusal)
        if self.blocking:
            names = ", ".join(f"'{workspace.name}'" for workspace in self.blocking)
            raise DeletionRefused(
                f"Without this account nobody would own {names}, and others are in there. Transfer "
                "it to one of them first, or delete the workspace."
            )


def departure_of(user: User) -> Departure:
    """What would become of each workspace they are in."""
    closing: list[Workspace] = []
    leaving: list[Workspace] = []
    blocking: list[Workspace] = []
    memberships = Membership.objects.filter(user=user).select_related("workspace")
    for membership in memberships.order_by("created_at"):
        others = Membership.objects.filter(workspace=membership.workspace).exclude(user=user)
        if not others.exists():
            closing.append(membership.workspace)
        elif membership.role == Role.OWNER and not others.filter(role=Role.OWNER).exists():
            blocking.append(membership.workspace)
        else:
            leaving.append(membership.workspace)
    return Departure(tuple(closing), tuple(leaving), tuple(blocking), _refusal(user))


def _refusal(user: User) -> str:
    operators = User.objects.filter(is_superuser=True, is_active=True)
    is_last = user.is_superuser and not operators.exclude(pk=user.pk).exists()
    # Who is alone may go: then the set-up link is there again.
    return _LAST_OPERATOR if is_last and User.objects.exclude(pk=user.pk).exists() else ""


def delete_person(user: User, *, by: Operator | None = None) -> None:
    """Delete an account for ever, with the workspaces in which nobody else is.

    Sessions and API keys stop at once. What they made in workspaces of others stays there, and the
    audit trail stays without their name, address and where they came from. `by` is who did it
    in their stead. Raises DeletionRefused.
    """
    with transaction.atomic():
        (held,) = hold_people([user])
        departure = departure_of(held)
        departure.check()
        traces = traces_of(held, departure.closing)
        for workspace in departure.closing:
            close_workspace(_actor(held, workspace), workspace)
        try:
            for membership in Membership.objects.filter(user=held).order_by("workspace_id"):
                end_membership(_actor(held, membership.workspace), membership)
        except MembershipRefused as refused:
            # Another owner is leaving or was made less: nobody would own it now.
            raise DeletionRefused(refused.message) from None
        made = ApiKey.objects.filter(created_by=held, revoked_at=None)
        made.update(revoked_at=timezone.now())
        end_sessions(held)
        hooks.person_deleted(held)
        _record(held, departure, by)
        forget(traces)
        held.delete()


def hold_workspaces_of(people: Collection[User]) -> list[UUID]:
    """Lock the workspaces that they are in, by id; says which.

    Workspaces come before people wherever both are locked, as in `accept_invitation`: a new
    membership asks for its workspace, and then for who joins and who invited.
    """
    joined = Membership.objects.filter(user__in=people).order_by("workspace_id")
    ids = list(joined.values_list("workspace_id", flat=True).distinct())
    locked = Workspace.objects.select_for_update(no_key=True).filter(id__in=ids).order_by("id")
    list(locked.values_list("id"))
    return ids


def hold_people(people: Collection[User]) -> list[User]:
    """Them as they are now, locked after their workspaces: what is decided about these stays true.

    Whoever joins one of them or lets them join another waits. Raises DeletionRefused.
    """
    ids = hold_workspaces_of(people)
    locked = User.objects.select_for_update().order_by("id")
    held = list(locked.filter(pk__in=[person.pk for person in people]))
    if len(held) < len(people):
        raise DeletionRefused(_GONE)
    joined = Membership.objects.filter(user__in=people)
    if {*joined.values_list("workspace_id", flat=True)} != {*ids}:
        raise DeletionRefused(_MOVED)
    return held


def _actor(user: User, workspace: Workspace) -> Actor:
    """Themselves; where they own nothing and are alone, the system closes it."""
    actor = member_actor(user, workspace)
    if actor is not None and (actor.can("workspace.delete") or _has_others(user, workspace)):
        return actor
    return system_actor(workspace.id, SOMEBODY)


def _has_others(user: User, workspace: Workspace) -> bool:
    return Membership.objects.filter(workspace=workspace).exclude(user=user).exists()


def _record(user: User, departure: Departure, by: Operator | None) -> None:
    """That an account was deleted, in each workspace it was in; nothing says whose it was."""
    left: list[UUID | None] = [workspace.id for workspace in departure.leaving]
    for workspace_id in left or [None]:
        AuditEvent.objects.create(
            workspace_id=workspace_id,
            user_id=by.user_id if by else None,
            actor=by.label[:200] if by else SOMEBODY,
            action="account.delete",
            target_type="accounts.user",
            target_id=str(user.pk),
        )
