"""Holds API keys to what their runs may cost in a calendar month (UTC)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from accounts.hooks import tells_what_keys_spent
from accounts.models import ApiKey
from accounts.permissions import Actor
from billing.models import UsageRecord


class KeyBudgetExhausted(Exception):
    """The runs of a key have cost what they may in this month."""

    code = "key_budget_exhausted"

    def __init__(self, budget: Decimal, spent: Decimal, until: datetime) -> None:
        super().__init__(
            f"The runs of this API key have cost {spent.normalize():f} USD this month, and its "
            f"budget is {budget.normalize():f} USD. Have the budget raised under Settings, or wait "
            f"until {until:%Y-%m-%d} (UTC)."
        )
        self.budget = budget
        self.spent = spent


def check_key_budget(actor: Actor) -> None:
    """Refuse what a key has no budget left for; at once for a person and a key without one.

    What is under way is not booked yet, so that a budget may be passed by it. Raises
    KeyBudgetExhausted.
    """
    key = actor.api_key_id
    if key is None or not actor.has_budget:
        return
    budget = ApiKey.objects.values_list("monthly_budget", flat=True).filter(id=key).first()
    if budget is None:
        return
    spent = spent_this_month([key]).get(key, Decimal(0))
    if spent >= budget:
        raise KeyBudgetExhausted(budget, spent, _next_month(timezone.now()))


@tells_what_keys_spent
def spent_this_month(keys: Collection[UUID]) -> Mapping[UUID, Decimal]:
    """US dollars by key since the month began; keys that spent nothing are left out."""
    since = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    records = UsageRecord.objects.filter(api_key__in=keys, at__gte=since)
    totals = records.values_list("api_key").annotate(total=Sum("cost")).order_by()
    return {key: total for key, total in totals if key is not None}


def _next_month(now: datetime) -> datetime:
    first = now.replace(day=1)
    if now.month == 12:
        return first.replace(year=now.year + 1, month=1)
    return first.replace(month=now.month + 1)
