"""What is left of a workspace's credit: a pure function of allowances, grants and what was spent.

What is spent is taken from the month's allowance first; the rest from the grants that are good at
that moment, what expires soonest first. What nothing covers (runs that were under way when the
credit ended) is not carried on: a new grant begins whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True)
class Grant:
    """US dollars that are good from `at` until `expires_at` (None: until used up)."""

    at: datetime
    amount: Decimal
    expires_at: datetime | None = None

    def is_good(self, at: datetime) -> bool:
        return self.at <= at and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True)
class Stretch:
    """What was spent in [since, until), within which no month and no grant begins or ends."""

    since: datetime
    until: datetime
    spent: Decimal


@dataclass(frozen=True)
class Credit:
    """US dollars of a workspace in a month. `granted` is what grants have left."""

    allowance: Decimal
    spent: Decimal
    granted: Decimal

    @property
    def left(self) -> Decimal:
        return max(ZERO, self.allowance - self.spent) + self.granted


def first_that_matters(grants: Sequence[Grant], now: datetime) -> datetime:
    """From when on it has to be known what was spent: this month, and where grants reach back.

    A grant that has expired matters where it covered what a later one would have had to.
    """
    since = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    reaching = [grant for grant in grants if grant.at <= now]
    for grant in sorted(reaching, key=lambda grant: grant.at, reverse=True):
        if grant.amount > 0 and (grant.expires_at is None or grant.expires_at > since):
            month = grant.at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            since = min(since, month)
    return since


def boundaries(grants: Sequence[Grant], since: datetime, now: datetime) -> list[datetime]:
    """Where the stretches from `since` to `now` begin and end, in order."""
    found = {since, now}
    month = since
    while month < now:
        found.add(month)
        month = next_month(month)
    for grant in grants:
        found |= {at for at in (grant.at, grant.expires_at) if at is not None and since < at < now}
    return sorted(found)


def credit_left(
    stretches: Sequence[Stretch],
    grants: Sequence[Grant],
    allowances: Mapping[date, Decimal],
    now: datetime,
) -> Credit:
    """`stretches` in order, cut at `boundaries`; months without an allowance were free."""
    left = {index: grant.amount for index, grant in enumerate(grants) if grant.amount > 0}
    rooms = dict(allowances)
    takings = sorted((grant for grant in grants if grant.amount < 0), key=lambda grant: grant.at)
    for stretch in stretches:
        while takings and takings[0].at <= stretch.since:
            _take(grants, left, takings[0].at, -takings.pop(0).amount)
        room = rooms.get(month_of(stretch.since))
        if room is None:
            continue
        rooms[month_of(stretch.since)] = max(ZERO, room - stretch.spent)
        _take(grants, left, stretch.since, max(ZERO, stretch.spent - room))
    for taking in takings:
        if taking.at <= now:
            _take(grants, left, taking.at, -taking.amount)
    this = month_of(now)
    spent = sum((s.spent for s in stretches if month_of(s.since) == this), ZERO)
    granted = sum((amount for i, amount in left.items() if grants[i].is_good(now)), ZERO)
    return Credit(allowances.get(this, ZERO), spent, granted)


def _take(grants: Sequence[Grant], left: dict[int, Decimal], at: datetime, amount: Decimal) -> None:
    """Take from what is good at that moment, the soonest to expire first, as far as it goes."""
    good = [index for index in left if grants[index].is_good(at) and left[index] > 0]
    for index in sorted(good, key=lambda i: (_end(grants[i]), grants[i].at, i)):
        taken = min(amount, left[index])
        left[index] -= taken
        amount -= taken


def _end(grant: Grant) -> tuple[bool, float]:
    expires = grant.expires_at
    return expires is None, expires.timestamp() if expires is not None else 0.0


def month_of(at: datetime) -> date:
    """The first day of the month (UTC)."""
    return at.date().replace(day=1)


def next_month(at: datetime) -> datetime:
    """When the month after begins."""
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if first.month == 12:
        return first.replace(year=first.year + 1, month=1)
    return first.replace(month=first.month + 1)
