"""What is left of a workspace's credit: never too much, never charged twice, whoever asks when."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.errors import InvalidValue
from accounts.models import AuditEvent, Plan, User, Workspace
from accounts.operators.operating import COMMAND
from accounts.services import create_workspace
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
from billing.credits import (
    CreditExhausted,
    check_credit,
    credit_of,
    forget_spent,
    grant_credit,
    put_on_plan,
)
from billing.models import CreditGrant, CreditMonth, UsageRecord

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 150
_moments = st.integers(0, DAYS * 24 - 1).map(lambda hours: START + timedelta(hours=hours))
_amounts = st.integers(1, 2_000).map(lambda cents: Decimal(cents) / 100)
_grants = st.builds(
    lambda at, amount, days, back: Grant(
        at,
        -amount if back else amount,
        at + timedelta(days=days) if days and not back else None,
    ),
    _moments,
    _amounts,
    st.one_of(st.none(), st.integers(1, 60)),
    st.booleans(),
)
_spends = st.tuples(_moments, _amounts)
NOW = START + timedelta(days=DAYS)


def _one_by_one(
    spends: list[tuple[datetime, Decimal]], grants: list[Grant], allowances: dict[Any, Decimal]
) -> Credit:
    """The same by every single spend, over all of time."""
    left = [max(ZERO, grant.amount) for grant in grants]
    rooms = dict(allowances)

    def take(at: datetime, amount: Decimal) -> None:
        good = [i for i, grant in enumerate(grants) if grant.is_good(at)]
        good.sort(key=lambda i: (grants[i].expires_at or NOW.replace(year=9999), grants[i].at, i))
        for i in good:
            taken = min(left[i], amount)
            left[i], amount = left[i] - taken, amount - taken

    # What is taken back at a moment goes before what is spent from then on.
    steps = [(grant.at, 0, -grant.amount) for grant in grants if grant.amount < 0]
    for at, kind, amount in sorted([*steps, *((at, 1, amount) for at, amount in spends)]):
        if kind == 0:
            take(at, amount)
        elif month_of(at) in rooms:
            room = rooms[month_of(at)]
            rooms[month_of(at)] = max(ZERO, room - amount)
            take(at, max(ZERO, amount - room))
    granted = sum((left[i] for i, grant in enumerate(grants) if grant.is_good(NOW)), ZERO)
    spent = sum((amount for at, amount in spends if month_of(at) == month_of(NOW)), ZERO)
    return Credit(allowances.get(month_of(NOW), ZERO), spent, granted)


def _in_stretches(
    spends: list[tuple[datetime, Decimal]], grants: list[Grant], allowances: dict[Any, Decimal]
) -> Credit:
    cuts = boundaries(grants, first_that_matters(grants, NOW), NOW)
    stretches = [
        Stretch(a, b, sum((amount for at, amount in spends if a <= at < b), ZERO))
        for a, b in pairwise(cuts)
    ]
    return credit_left(stretches, grants, allowances, NOW)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(_spends, max_size=25),
    st.lists(_grants, max_size=6),
    st.lists(st.one_of(st.none(), _amounts), min_size=6, max_size=6),
)
def test_sums_of_stretches_say_what_every_single_spend_says(
    spends: list[tuple[datetime, Decimal]], grants: list[Grant], plans: list[Decimal | None]
) -> None:
    allowances: dict[Any, Decimal] = {}
    month = START
    for amount in plans:
        if amount is not None:
            allowances[month_of(month)] = amount
        month = next_month(month)
    found = _in_stretches(spends, grants, allowances)
    assert found == _one_by_one(spends, grants, allowances)
    assert found.left >= 0
    given_ever = sum((grant.amount for grant in grants if grant.amount > 0), ZERO)
    assert found.left <= found.allowance + given_ever


@pytest.fixture
def lab(db: None, without_examples: None) -> Workspace:
    return _lab()


def _lab() -> Workspace:
    owner = User.objects.create_user(f"{uuid4().hex}@example.com", "x")
    return create_workspace(owner, name="Lab")


def _use(workspace: Workspace, cost: str, at: datetime | None = None) -> None:
    record = UsageRecord.objects.create(
        workspace=workspace, run_id=uuid4(), node="a", attempt=1, model="x/y", cost=Decimal(cost)
    )
    if at is not None:
        UsageRecord.objects.filter(id=record.id).update(at=at)
        forget_spent()


def _plan(credit: str | None) -> Plan:
    amount = Decimal(credit) if credit is not None else None
    return Plan.objects.create(name=f"Plan {uuid4().hex}", monthly_credit=amount)


def test_without_a_plan_nothing_is_limited_and_nothing_is_written(lab: Workspace) -> None:
    _use(lab, "999999")
    check_credit(lab.id)
    assert credit_of(lab.id) is None
    assert not CreditMonth.objects.exists()


def test_a_plan_without_credit_limits_no_cost(lab: Workspace) -> None:
    put_on_plan(COMMAND, lab, _plan(None), "Signed")
    _use(lab, "999999")
    check_credit(lab.id)
    assert credit_of(lab.id) is None


def test_the_months_credit_goes_first_then_grants_then_nothing(lab: Workspace) -> None:
    put_on_plan(COMMAND, lab, _plan("10"), "Signed")
    grant_credit(COMMAND, lab, Decimal("5"), "Sorry for Tuesday")
    check_credit(lab.id)
    _use(lab, "12")
    assert credit_of(lab.id) == Credit(Decimal(10), Decimal(12), Decimal(3))
    check_credit(lab.id)
    _use(lab, "4")
    with pytest.raises(CreditExhausted, match=r"cost 16 USD this month, and its plan has 10 USD"):
        check_credit(lab.id)
    grant_credit(COMMAND, lab, Decimal("2"), "A bridge")
    found = credit_of(lab.id)
    assert found is not None
    assert found.left == 2


def test_what_was_spent_before_this_month_counts_against_grants_only(lab: Workspace) -> None:
    put_on_plan(COMMAND, lab, _plan("10"), "Signed")
    began = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    before = began - timedelta(days=3)
    CreditMonth.objects.create(workspace=lab, month=month_of(before), allowance=10)
    CreditGrant.objects.create(workspace=lab, amount=20, reason="x", at=began - timedelta(days=5))
    _use(lab, "13", before)
    found = credit_of(lab.id)
    assert found == Credit(Decimal(10), ZERO, Decimal(17))


def test_a_month_without_a_plan_was_free(lab: Workspace) -> None:
    put_on_plan(COMMAND, lab, _plan("10"), "Signed")
    check_credit(lab.id)
    assert CreditMonth.objects.get().allowance == 10
    put_on_plan(COMMAND, lab, None, "Left")
    assert not CreditMonth.objects.exists()
    _use(lab, "50")
    check_credit(lab.id)


def test_a_month_that_another_process_freed_is_held_to_its_credit_again_soon(
    lab: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_plan(COMMAND, lab, _plan("10"), "Signed")
    check_credit(lab.id)
    CreditMonth.objects.all().delete()
    check_credit(lab.id)
    assert not CreditMonth.objects.exists()
    monkeypatch.setattr("billing.credits.HELD_FOR", 0.0)
    forget_spent()
    check_credit(lab.id)
    CreditMonth.objects.all().delete()
    check_credit(lab.id)
    assert CreditMonth.objects.get().allowance == 10


def test_grants_are_never_changed(lab: Workspace) -> None:
    grant = grant_credit(COMMAND, lab, Decimal("5"), "Sorry")
    for change in ({"amount": 6}, {"reason": "y"}, {"at": timezone.now()}):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            CreditGrant.objects.filter(id=grant.id).update(**change)
    event = AuditEvent.objects.get(action="credit.grant")
    assert (event.workspace_id, event.details["reason"]) == (lab.id, "Sorry")


@pytest.mark.parametrize(
    ("amount", "reason", "days"),
    [
        ("0", "x", None),
        ("NaN", "x", None),
        ("1e9", "x", None),
        ("0.00001", "x", None),
        ("5", " ", None),
        ("5", "x", -1),
        ("-5", "x", 3),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(
    lab: Workspace, amount: str, reason: str, days: int | None
) -> None:
    until = timezone.now() + timedelta(days=days) if days is not None else None
    with pytest.raises(InvalidValue):
        grant_credit(COMMAND, lab, Decimal(amount), reason, until)
    assert not CreditGrant.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_credit_is_right_while_many_spend_and_grant_at_once(without_examples: None) -> None:
    lab = _lab()
    put_on_plan(COMMAND, lab, _plan("10"), "Signed")
    seen: list[Decimal] = []

    def work(number: int) -> None:
        try:
            for _ in range(10):
                if number % 4 == 0:
                    grant_credit(COMMAND, lab, Decimal("0.5"), "More")
                elif number % 4 == 1:
                    found = credit_of(lab.id)
                    assert found is not None
                    seen.append(found.left)
                    with suppress(CreditExhausted):
                        check_credit(lab.id)
                else:
                    _use(lab, "0.25")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(16)))
    # 80 calls of 0.25 and 40 grants of 0.5 beside the plan's 10: nothing is lost in between.
    found = credit_of(lab.id)
    assert found is not None
    assert (found.allowance, found.spent) == (10, 20)
    assert 10 <= found.granted <= 20
    assert seen
    assert all(0 <= left <= 30 for left in seen)
    forget_spent()
    assert credit_of(lab.id) == found
