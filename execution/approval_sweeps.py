"""What a worker sees to from time to time: decisions that runs have not taken, mail not sent."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import F
from django.utils import timezone
from temporalio.client import Client

from execution.approval_mail import mail_assignees, mail_is_set_up
from execution.approval_models import Approval, ApprovalState
from execution.database import in_database
from execution.models import ENDED
from execution.waking import approval_news, wake_workflow

#: Age at which a decision counts as not delivered; the pause doubles, for a run that is paused
#: takes nothing and its workflow keeps every signal.
NOT_TAKEN = timedelta(seconds=3)
LONGEST_PAUSE = timedelta(hours=1)
#: Seconds between two looks for mail that is left, and how long it is tried.
MAIL_EVERY = 5.0
MAIL_LATE = timedelta(seconds=10)
MAIL_GIVEN_UP = timedelta(days=3)
BATCH = 100


@dataclass(frozen=True)
class Place:
    """An approval by where it is in its run."""

    run_id: UUID
    node: str
    path: list[str | int]


async def deliver_decisions(client: Client) -> int:
    """Tell runs again of decisions they have not taken; returns how many. Raises RPCError."""
    places = await in_database(_claim_untaken, patience=0)
    for place in places:
        await wake_workflow(client, str(place.run_id), approval_news(place.node, place.path))
    return len(places)


def _claim_untaken() -> list[Place]:
    """Decisions whose turn it is; several workers never take the same one."""
    now = timezone.now()
    untaken = Approval.objects.filter(
        state=ApprovalState.DECIDED, delivered_at=None, decided_at__lt=now - NOT_TAKEN
    ).exclude(run__status__in=ENDED)
    # The one told longest ago first: those that take nothing hold up no other.
    rows = untaken.order_by(F("woken_at").asc(nulls_first=True))[:BATCH]
    return [
        Place(row.run_id, row.node, row.path)
        for row in rows
        if _is_due(row)
        and Approval.objects.filter(id=row.id, woken_at=row.woken_at).update(woken_at=now)
    ]


def _is_due(row: Approval) -> bool:
    if row.woken_at is None or row.decided_at is None:
        return True
    pause = min(max(NOT_TAKEN, row.woken_at - row.decided_at), LONGEST_PAUSE)
    return row.woken_at + pause < timezone.now()


async def send_left_mails() -> int:
    """Write to assignees that were not written to; returns how many mails were sent."""
    if not mail_is_set_up():
        return 0
    places = await in_database(_unsent, patience=0)
    return sum([await mail_assignees(str(p.run_id), p.node, p.path) for p in places])


def _unsent() -> list[Place]:
    now = timezone.now()
    rows = Approval.objects.filter(
        state=ApprovalState.OPEN,
        notified_at=None,
        created_at__lt=now - MAIL_LATE,
        created_at__gt=now - MAIL_GIVEN_UP,
    ).exclude(assignees=[])
    found = rows.order_by("-created_at").values_list("run_id", "node", "path")[:BATCH]
    return [Place(*row) for row in found]
