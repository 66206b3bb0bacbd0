"""The limits of a workspace's plan. No plan, as in an installation of one's own: no limits."""

import time
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from accounts.models import Membership, Plan, Workspace
from accounts.operators.remembered import SECONDS, Remembered


@dataclass(frozen=True)
class Limits:
    """What a workspace may use; None: no limit."""

    plan: str
    monthly_credit: Decimal | None = None
    max_running: int | None = None
    max_runs: int | None = None
    max_members: int | None = None
    max_flows: int | None = None
    max_file_bytes: int | None = None
    retention_days: int | None = None


class PlanLimitReached(Exception):
    """The plan of a workspace allows no more of something; `limit` names which."""

    code = "plan_limit"

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(message)
        self.limit = limit
        self.message = message


NONE = Limits("")
#: What a plan limits, by name.
LIMITED = tuple(field.name for field in fields(Limits) if field.name != "plan")


def _anybody_has_one() -> bool:
    return Workspace.objects.filter(plan__isnull=False).exists()


#: Where nobody has a plan, which is usual, nothing else is asked.
_are_there: Remembered[bool] = Remembered(_anybody_has_one, False)
#: Workspace → when it was read, and its limits.
_known: dict[UUID, tuple[float, Limits]] = {}
_MOST_KNOWN = 10_000


def forget_plans() -> None:
    """Read them anew; called where plans and who is on them change."""
    _known.clear()
    _are_there.forget()


def limits_of(workspace_id: UUID) -> Limits:
    """At most five seconds old. Asks the database now and then, so not from an event loop."""
    if not _are_there.get():
        return NONE
    known = _known.get(workspace_id)
    if known is not None and time.monotonic() < known[0] + SECONDS:
        return known[1]
    limits = _read(workspace_id)
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[workspace_id] = (time.monotonic(), limits)
    return limits


def hold_limits(workspace_id: UUID) -> Limits:
    """As they are now, and stay until the transaction ends.

    For what is written of a limit: by `limits_of` a process whose plan is of some seconds ago would
    write it again after it was freed.
    """
    held = Workspace.objects.select_for_update(no_key=True).filter(id=workspace_id)
    list(held.values_list("id"))
    # Only now, for it may have been changed while we waited.
    return _read(workspace_id)


def hold_who_is_on(plan: Plan) -> list[UUID]:
    """The workspaces on a plan, held until the transaction that changes it ends."""
    held = plan.workspaces.select_for_update(no_key=True).order_by("id")
    return list(held.values_list("id", flat=True))


def _read(workspace_id: UUID) -> Limits:
    columns = ("plan__name", *(f"plan__{name}" for name in LIMITED))
    rows = Workspace.objects.filter(id=workspace_id, plan__isnull=False)
    found = rows.values_list(*columns).first()
    return Limits(*found) if found is not None else NONE


def check_members(workspace_id: UUID, more: int = 1) -> None:
    """Call it before people are added, within the transaction. Raises PlanLimitReached."""
    limits = limits_of(workspace_id)
    if limits.max_members is None:
        return
    there = Membership.objects.filter(workspace_id=workspace_id).count()
    if there + more > limits.max_members:
        people = "1 member" if limits.max_members == 1 else f"{limits.max_members:,} members"
        raise PlanLimitReached(
            "members",
            f"The plan '{limits.plan}' of this workspace allows {people}. Remove somebody, or ask "
            "for a larger plan.",
        )


def month_began() -> datetime:
    """When the calendar month began (UTC)."""
    return timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
