"""The one place that says what credit a workspace has left, and that refuses where none is.

It is computed from the usage that is booked, so nothing is charged twice and nothing can drift.
What ended before the current hour never changes and is remembered by the process.
"""

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.errors import InvalidValue
from accounts.hooks import plan_changed
from accounts.models import Plan, Workspace
from accounts.operators.operating import Operator
from accounts.operators.plans import forget_plans, hold_limits, limits_of
from billing.credit_rules import (
    ZERO,
    Credit,
    Grant,
    Stretch,
    boundaries,
    credit_left,
    first_that_matters,
    month_of,
    next_month,
)
from billing.models import CreditGrant, CreditMonth, UsageRecord

#: The largest grant, in US dollars.
MOST = Decimal(10_000_000)
#: How long after an hour its usage may still be committed: longer than any transaction.
SETTLES = timedelta(minutes=5)


class CreditExhausted(Exception):
    """A workspace has spent the credit of its plan and its grants."""

    code = "credit_exhausted"

    def __init__(self, credit: Credit, until: datetime) -> None:
        super().__init__(
            f"The workspace has no credit left: its runs have cost {_dollars(credit.spent)} USD "
            f"this month, and its plan has {_dollars(credit.allowance)} USD a month. Ask whoever "
            f"operates this installation for more, or wait until {until:%Y-%m-%d} (UTC)."
        )
        self.credit = credit


def _dollars(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def check_credit(workspace_id: UUID) -> None:
    """Call it before a run starts; at once where no plan limits what runs may cost.

    What is under way is not booked yet, so that the credit may be passed by it. Raises
    CreditExhausted.
    """
    allowance = limits_of(workspace_id).monthly_credit
    if allowance is None:
        return
    now = timezone.now()
    _hold_month(workspace_id, month_of(now), allowance)
    credit = _credit(workspace_id, allowance, now)
    if credit.left <= 0:
        raise CreditExhausted(credit, next_month(now))


def credit_of(workspace_id: UUID) -> Credit | None:
    """What a workspace has this month; None where its plan does not limit what runs may cost."""
    allowance = limits_of(workspace_id).monthly_credit
    return None if allowance is None else _credit(workspace_id, allowance, timezone.now())


def _credit(workspace_id: UUID, allowance: Decimal, now: datetime) -> Credit:
    rows = CreditGrant.objects.filter(workspace_id=workspace_id, at__lte=now).order_by("at", "id")
    grants = [Grant(row.at, row.amount, row.expires_at) for row in rows]
    since = _midnight(month_of(first_that_matters(grants, now)))
    allowances = {month_of(now): allowance}
    if since < _midnight(month_of(now)):
        months = CreditMonth.objects.filter(workspace_id=workspace_id, month__lt=month_of(now))
        allowances |= dict(months.values_list("month", "allowance"))
    stretches = _stretches(workspace_id, boundaries(grants, since, now), now)
    return credit_left(stretches, grants, allowances, now)


def _stretches(workspace_id: UUID, cuts: list[datetime], now: datetime) -> list[Stretch]:
    """What was spent between the cuts. Of each, only what is not settled yet is asked for."""
    hour = (now - SETTLES).replace(minute=0, second=0, microsecond=0)
    ends = [*cuts[1:-1], now + timedelta(days=1)]  # what another server's clock says is later
    return [
        Stretch(since, until, _spent(workspace_id, since, end, hour))
        for since, until, end in zip(cuts, cuts[1:], ends, strict=False)
    ]


def _spent(workspace_id: UUID, since: datetime, until: datetime, settled: datetime) -> Decimal:
    if until <= settled:
        return _settled(workspace_id, since, until)
    if since >= settled:
        return _booked(workspace_id, since, until)
    return _settled(workspace_id, since, settled) + _booked(workspace_id, settled, until)


def _booked(workspace_id: UUID, since: datetime, until: datetime) -> Decimal:
    records = UsageRecord.objects.filter(workspace_id=workspace_id, at__gte=since, at__lt=until)
    return records.aggregate(total=Sum("cost"))["total"] or ZERO


@lru_cache(maxsize=4096)
def _settled(workspace_id: UUID, since: datetime, until: datetime) -> Decimal:
    return _booked(workspace_id, since, until)


def forget_spent() -> None:
    """Add everything up anew; for tests, which write usage of the past."""
    _settled.cache_clear()
    _held.clear()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


#: Seconds after which it is written anew: another process may have freed the month meanwhile.
HELD_FOR = 60.0
#: Workspace → what this process wrote last, and until when (monotonic) that is good.
_held: dict[UUID, tuple[date, Decimal, float]] = {}


def _hold_month(workspace_id: UUID, month: date, allowance: Decimal) -> None:
    """Write that the month is held to the plan's credit, unless that was done with this one."""
    held = _held.get(workspace_id)
    if held is not None and held[:2] == (month, allowance) and time.monotonic() < held[2]:
        return
    with transaction.atomic():
        current = hold_limits(workspace_id).monthly_credit
        if current is None:
            return
        CreditMonth.objects.bulk_create(
            [CreditMonth(workspace_id=workspace_id, month=month, allowance=current)],
            update_conflicts=True,
            unique_fields=["workspace", "month"],
            update_fields=["allowance"],
        )
    if len(_held) >= 10_000:
        _held.clear()
    _held[workspace_id] = (month, current, time.monotonic() + HELD_FOR)


def grant_credit(
    operator: Operator,
    workspace: Workspace,
    amount: Decimal,
    reason: str,
    expires_at: datetime | None = None,
) -> CreditGrant:
    """Give a workspace credit beside its plan's, or take some back. Raises InvalidValue."""
    operator.require("billing.add_creditgrant")
    reason = " ".join(reason.replace("\x00", "").split())
    if not amount.is_finite() or amount == 0 or abs(amount) > MOST:
        raise InvalidValue("amount", f"Give US dollars, {MOST:,} at most; negative takes back.")
    exponent = amount.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -4:
        raise InvalidValue("amount", "Give four decimal places at most.")
    if not reason or len(reason) > 200:
        raise InvalidValue("reason", "Say why, in 200 characters at most.")
    now = timezone.now()
    if expires_at is not None and expires_at <= now:
        raise InvalidValue("expires_at", "It has to expire in the future, or never.")
    if expires_at is not None and amount < 0:
        raise InvalidValue("expires_at", "What is taken back stays taken: leave this empty.")
    with transaction.atomic():
        grant = CreditGrant.objects.create(
            workspace=workspace,
            amount=amount,
            reason=reason,
            expires_at=expires_at,
            granted_by_id=operator.user_id,
            at=now,
        )
        until = expires_at.isoformat() if expires_at else None
        operator.audit(
            "credit.grant",
            grant,
            workspace_id=workspace.id,
            amount=_dollars(amount),
            reason=reason,
            expires_at=until,
        )
    return grant


def put_on_plan(operator: Operator, workspace: Workspace, plan: Plan | None, reason: str) -> None:
    """Give a workspace a plan, or none: then it has no limits. Raises InvalidValue."""
    operator.require("accounts.change_workspace")
    reason = " ".join(reason.replace("\x00", "").split())
    if not reason or len(reason) > 200:
        raise InvalidValue("reason", "Say why, in 200 characters at most.")
    with transaction.atomic():
        if plan is not None:
            # As it is now: who changes it frees the month of those who are on it by then.
            plan = Plan.objects.select_for_update(no_key=True).get(id=plan.id)
        # Its key stays free: runs that start hold what is freed, and ask for it at their commit.
        held = Workspace.objects.select_for_update(no_key=True, of=("self",))
        row = held.select_related("plan").get(id=workspace.id)
        before = row.plan.name if row.plan else None
        Workspace.objects.filter(id=workspace.id).update(plan=plan)
        plan_changed(plan, [workspace.id])
        operator.audit(
            "plan.put_on",
            row,
            workspace_id=workspace.id,
            plan=plan.name if plan else None,
            before=before,
            reason=reason,
        )
        forget_plans()
    workspace.plan = plan


def free_this_month(plan: Plan | None, workspaces: list[UUID]) -> None:
    """What these workspaces spend this month is charged to no grant, where no plan limits it."""
    if plan is not None and plan.monthly_credit is not None:
        return
    month = month_of(timezone.now())
    CreditMonth.objects.filter(workspace_id__in=workspaces, month=month).delete()
    _held.clear()
