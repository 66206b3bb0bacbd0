"""Who sees a flow, as calls say it: `visibility`, and `shares` by people's ids or addresses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import Membership
from accounts.permissions import Actor
from flows.models import Flow, ShareLevel, Visibility
from flows.sharing import MOST, share_flow
from fluxprompt.api.problems import refuse

JSON = Any


@dataclass(frozen=True)
class Sharing:
    """What a call wants of who sees a flow; None: nothing."""

    visibility: str | None = None
    shares: Mapping[UUID, str] | None = None

    def put(self, actor: Actor, flow: Flow) -> None:
        """Do it, in the caller's transaction."""
        if self.visibility is not None or self.shares is not None:
            share_flow(actor, flow, visibility=self.visibility, shares=self.shares)


def sharing_in(actor: Actor, body: dict[str, JSON]) -> Sharing:
    """The members `visibility` and `shares` of a body; refuses people who are no members."""
    visibility = body.get("visibility")
    if "visibility" in body and visibility not in Visibility.values:
        words = " or ".join(Visibility.values)
        raise refuse(422, "invalid_value", f"'visibility' is {words}.", "visibility")
    shares = None
    if "shares" in body:
        given = body["shares"]
        if not isinstance(given, list) or len(given) > MOST:
            message = f"'shares' has to be a list of {MOST} people at most."
            raise refuse(422, "type", message, "shares")
        people = _members(actor)
        shares = dict(_share(people, entry, place) for place, entry in enumerate(given))
    return Sharing(visibility, shares)


def _members(actor: Actor) -> dict[str, UUID]:
    """Ids and addresses of the workspace's members → their ids."""
    rows = Membership.objects.filter(workspace_id=actor.workspace_id)
    found = list(rows.values_list("user_id", "user__email"))
    return {str(key): key for key, _ in found} | {email.lower(): key for key, email in found}


def _share(people: Mapping[str, UUID], entry: JSON, place: int) -> tuple[UUID, str]:
    path = f"shares.{place}"
    if not isinstance(entry, dict) or not entry.keys() <= {"user", "email", "level"}:
        message = 'A share is {"user": id, "level": …} or {"email": …, "level": …}.'
        raise refuse(422, "type", message, path)
    level = entry.get("level")
    if level not in ShareLevel.values:
        message = f"'level' is one of {', '.join(ShareLevel.values)}."
        raise refuse(422, "invalid_value", message, f"{path}.level")
    named = entry.get("user") or entry.get("email")
    person = people.get(str(named).strip().lower())
    if person is None:
        message = "A flow is shared with members of its workspace only. GET /members lists them."
        raise refuse(422, "invalid_value", message, path)
    return person, str(level)
