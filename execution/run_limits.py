"""How many runs a plan allows a month: counted as they begin, in the transaction that writes them.

A run counts whatever becomes of it. What a run starts by itself (sub-flows) is part of it.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from accounts.operators.plans import (
    Limits,
    PlanLimitReached,
    hold_limits,
    limits_of,
    month_began,
)
from billing.credit_rules import next_month
from billing.models import RunMonth
from execution.models import Run


def is_counted(run: Run) -> bool:
    """Whether the beginning of this run is one of those that its workspace's plan limits."""
    return run.parent_id is None and limits_of(run.workspace_id).max_runs is not None


def check_runs(workspace_id: UUID) -> None:
    """Raises PlanLimitReached where no more would begin; it holds nothing for who asks."""
    limits = limits_of(workspace_id)
    if limits.max_runs is None:
        return
    number = _this_month(workspace_id).values_list("number", flat=True).first()
    if number is None:
        with transaction.atomic():
            number = _begin_month(workspace_id)
    if number is not None and number >= limits.max_runs:
        raise _reached(limits)


def count_run(run: Run) -> None:
    """Count a run that begins; within the transaction that writes it. Raises PlanLimitReached."""
    limits = limits_of(run.workspace_id)
    if run.parent_id is not None or limits.max_runs is None:
        return
    months = _this_month(run.workspace_id)
    # One statement compares and raises: who begins at the same moment waits for this one's end.
    one_more = months.filter(number__lt=limits.max_runs)
    if one_more.update(number=F("number") + 1):
        return
    if not months.exists():
        if _begin_month(run.workspace_id) is None:
            return
        if one_more.update(number=F("number") + 1):
            return
    raise _reached(limits)


def forget_this_month(workspaces: list[UUID]) -> None:
    """No plan limits the runs of these any more, so that nobody counts on."""
    months = RunMonth.objects.filter(workspace_id__in=workspaces)
    months.filter(month=month_began().date()).delete()


def _this_month(workspace_id: UUID) -> QuerySet[RunMonth]:
    return RunMonth.objects.filter(workspace_id=workspace_id, month=month_began().date())


def _begin_month(workspace_id: UUID) -> int | None:
    """The count begins with the runs that are there: the limit may be younger than the month.

    None where the plan limits them no more, which other processes know some seconds later.
    """
    if hold_limits(workspace_id).max_runs is None:
        return None
    since = month_began()
    here = Run.objects.filter(workspace_id=workspace_id, created_at__gte=since, parent=None)
    first = RunMonth(workspace_id=workspace_id, month=since.date(), number=here.count())
    RunMonth.objects.bulk_create([first], ignore_conflicts=True)
    return first.number


def _reached(limits: Limits) -> PlanLimitReached:
    return PlanLimitReached(
        "runs",
        f"The plan '{limits.plan}' of this workspace allows {limits.max_runs:,} runs a month, "
        f"and they were started. Ask for a larger plan, or wait until "
        f"{next_month(month_began()):%Y-%m-%d} (UTC).",
    )
