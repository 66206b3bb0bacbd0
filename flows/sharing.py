"""What somebody may do with one flow: the one place that decides, and the changes of it.

A flow of the whole workspace is everybody's as their role says. A private one is its maker's, of
owners and admins, and of those it is shared with, up to the level of their share. A share also
gives a person what their role does not (`_GIVES`); to a key it never gives more than it has.
"""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from django.db import transaction

from accounts.errors import InvalidValue
from accounts.models import Membership, User
from accounts.permissions import READ, Actor, PermissionRefused, as_member
from accounts.services import audit
from flows.models import Flow
from flows.sharing_models import FlowShare, ShareLevel, Visibility

_STEER = frozenset({"run.start", "run.cancel", "run.approve"})
_CHANGE = frozenset({"flow.edit", "flow.publish"})
#: What a share of a private flow takes of what somebody may in the workspace.
_TAKES: dict[str, frozenset[str]] = {
    ShareLevel.VIEW: _STEER | _CHANGE | {"flow.delete", "file.delete"},
    ShareLevel.RUN: _CHANGE | {"flow.delete"},
    ShareLevel.EDIT: frozenset({"flow.delete"}),
}
#: What a share gives to a person whatever their role is: never to publish, nor to delete.
_GIVES: dict[str, frozenset[str]] = {
    ShareLevel.VIEW: READ,
    ShareLevel.RUN: READ | {"run.start", "run.cancel", "file.write"},
    ShareLevel.EDIT: READ | {"run.start", "run.cancel", "file.write", "flow.edit"},
}
#: People that one flow is shared with.
MOST = 200
NOBODY: frozenset[str] = frozenset()


class FlowGone(Exception):
    """The flow was deleted meanwhile, or is one of another workspace."""

    code = "not_found"

    def __init__(self) -> None:
        super().__init__("This flow was deleted a moment ago.")


def actions_on(actor: Actor, flow: Flow) -> frozenset[str]:
    """What this actor may do with this flow; nothing where they do not see it.

    Asks the database only where a share could matter.
    """
    if flow.workspace_id != actor.workspace_id:
        return NOBODY
    # An actor may come with what it may do with another flow: that counts for nothing here.
    may = actor.actions if actor.everywhere is None else actor.everywhere
    is_theirs = flow.visibility == Visibility.WORKSPACE or sees_unshared(actor, flow)
    if is_theirs and (actor.api_key_id is not None or "flow.edit" in may):
        return may
    level = _level(actor, flow)
    if level is None:
        return may if is_theirs else NOBODY
    given = NOBODY if actor.api_key_id is not None else _GIVES[level]
    return (may if is_theirs else may - _TAKES[level]) | given


def sees_unshared(actor: Actor, flow: Flow) -> bool:
    """Whether a private flow is theirs without a share: they made it, or see all of them."""
    made = actor.person_id is not None and flow.created_by_id == actor.person_id
    return made or actor.can("flow.all")


def _level(actor: Actor, flow: Flow) -> str | None:
    if actor.person_id is None:
        return None
    rows = FlowShare.objects.filter(flow_id=flow.id, user_id=actor.person_id)
    return rows.values_list("level", flat=True).first()


def on(actor: Actor, flow: Flow) -> Actor:
    """The actor with what they may do with this flow, for pages and services about it."""
    may = actor.actions if actor.everywhere is None else actor.everywhere
    return replace(actor, actions=actions_on(actor, flow), everywhere=may)


def require_on(actor: Actor, action: str, flow: Flow) -> None:
    """Raises PermissionRefused with a sentence that says what would help, or FlowGone."""
    if action in actions_on(actor, flow):
        return
    actor.require(action)
    if flow.workspace_id != actor.workspace_id:
        raise FlowGone
    raise PermissionRefused(
        action, f"'{flow.name}' is not shared with you for this. Ask its maker or an admin."
    )


def may_share(actor: Actor, flow: Flow) -> bool:
    """Whether this actor decides who sees the flow: its maker, owners and admins."""
    return flow.workspace_id == actor.workspace_id and (
        "flow.edit" in actor.actions and sees_unshared(actor, flow)
    )


def share_flow(
    actor: Actor,
    flow: Flow,
    *,
    visibility: str | None = None,
    shares: Mapping[UUID, str] | None = None,
) -> Flow:
    """Say who sees a flow: of `shares`, person → level, exactly these. None leaves it as it is.

    Its maker, owners and admins may. Raises InvalidValue, PermissionRefused.
    """
    if not may_share(actor, flow):
        actor.require("flow.edit")
        raise PermissionRefused(
            "flow.edit", "Only its maker, owners and admins say who sees a flow. Ask one of them."
        )
    with transaction.atomic():
        held = Flow.objects.select_for_update(no_key=True).get(
            pk=flow.pk, workspace_id=actor.workspace_id
        )
        said: dict[str, object] = {}
        if visibility is not None and visibility != held.visibility:
            if visibility not in Visibility.values:
                raise InvalidValue("visibility", f"Choose one of {', '.join(Visibility.values)}.")
            held.visibility = said["visibility"] = visibility
            held.save(update_fields=["visibility"])
        if shares is not None and _put(actor, held, shares):
            people = User.objects.filter(id__in=shares).values_list("id", "email")
            said["shares"] = {email: shares[key] for key, email in people}
        if said:
            audit(actor, "flow.share", held, **said)
    return held


def _put(actor: Actor, flow: Flow, shares: Mapping[UUID, str]) -> bool:
    """Whether that changed anything."""
    if len(shares) > MOST:
        raise InvalidValue("shares", f"A flow is shared with {MOST} people at most.")
    unknown = next((level for level in shares.values() if level not in ShareLevel.values), None)
    if unknown is not None:
        raise InvalidValue("shares", f"A level is one of {', '.join(ShareLevel.values)}.")
    members = Membership.objects.filter(workspace_id=flow.workspace_id, user__in=list(shares))
    if members.count() != len(shares):
        raise InvalidValue("shares", "A flow is shared with members of its workspace only.")
    before = dict(FlowShare.objects.filter(flow=flow).values_list("user_id", "level"))
    if before == dict(shares):
        return False
    FlowShare.objects.filter(flow=flow).exclude(user__in=list(shares)).delete()
    for person, level in shares.items():
        if before.get(person) != level:
            FlowShare.objects.update_or_create(
                flow=flow,
                user_id=person,
                defaults={"level": level, "created_by_id": actor.person_id},
            )
    return True


def as_now(actor: Actor) -> Actor:
    """A member or key with what it may now, of what it might when it came in.

    Whether a key is still good at all is asked elsewhere: here only whose private flows it sees.
    """
    if actor.person_id is None:
        return actor
    person = as_person(actor.person_id, actor.workspace_id)
    now = NOBODY if person is None else person.actions
    return replace(actor, actions=actor.actions & now)


def as_person(user_id: UUID | None, workspace_id: UUID) -> Actor | None:
    """A member by their id, as an actor; None where they are no member (any more)."""
    if user_id is None:
        return None
    rows = Membership.objects.filter(
        workspace_id=workspace_id, user_id=user_id, user__is_active=True
    )
    row = rows.select_related("user").first()
    return None if row is None else as_member(row, row.user)
