"""Limits count each try once: of many at the same moment no more than allowed are looked at."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.counting import drop_old_counts
from accounts.errors import TooManyInvitations
from accounts.limits import counted
from accounts.members.invitations import invite
from accounts.models import RateCount, Role, User
from accounts.permissions import member_actor
from accounts.services import create_workspace
from accounts.tests.conftest import PASSWORD
from accounts.views import your_data

MANY = 12


def at_once[T](work: Callable[[], T]) -> Sequence[T]:
    """What many give who begin at the same moment, each in a connection of their own."""
    together = Barrier(MANY)

    def alone(number: int) -> T:
        try:
            together.wait(timeout=30)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(alone, range(MANY)))


@pytest.fixture
def person(transactional_db: None, without_examples: None) -> User:
    cache.clear()
    return User.objects.create_user("ada@example.com", PASSWORD)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Passwords that were compared with one of somebody."""
    seen: list[str] = []

    def compared(self: User, password: str) -> bool:
        seen.append(password)
        return False

    monkeypatch.setattr(User, "check_password", compared)
    return seen


def test_s15_of_passwords_given_at_once_to_delete_an_account_only_a_few_are_looked_at(
    person: User, settings: Settings, looked_at: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FLUX_RATE_LIMITS = {"own_password": "3/h"}
    meet = Barrier(MANY)

    def counted_together(door: str, who: str) -> int:
        # Who is refused is counted once more, for the trail, and by then alone.
        if door == "own_password":
            meet.wait(timeout=30)
        return counted(door, who)

    monkeypatch.setattr(your_data, "counted", counted_together)
    client = Client()
    client.force_login(person)

    def guess() -> int:
        own = Client()
        own.cookies = client.cookies
        return own.post("/you/delete/", {"password": "wrong"}).status_code

    codes = at_once(guess)
    assert sorted(codes) == [422] * 3 + [429] * (MANY - 3)
    assert len(looked_at) == 3


def test_of_sign_ins_that_fail_at_once_for_one_address_only_a_few_are_looked_at(
    person: User, looked_at: list[str]
) -> None:
    """allauth counts in our cache, under a lock that only one process gets."""

    def guess() -> None:
        Client().post("/accounts/login/", {"login": person.email, "password": "wrong"})

    at_once(guess)
    assert 1 <= len(looked_at) <= 5


def test_of_invitations_at_once_no_more_are_mailed_than_allowed(
    person: User, settings: Settings
) -> None:
    settings.FLUX_MAIL_REACHES_PEOPLE = True
    settings.FLUX_RATE_LIMITS = {
        "invitations": "4/h",
        "invited_address": "99/m",
        "invited_address_daily": "99/d",
    }
    actor = member_actor(person, create_workspace(person, name="Lab"))
    assert actor is not None

    def ask() -> Any:
        try:
            return invite(actor, email="grace@example.com", role=Role.VIEWER).sent
        except TooManyInvitations as refused:
            return refused.wait > 3_000

    assert at_once(ask) == [True] * MANY
    assert len(mail.outbox) == 4


def test_a_count_says_how_long_to_wait_and_begins_anew_after_it(
    person: User, settings: Settings
) -> None:
    settings.FLUX_RATE_LIMITS = {"setup_link": "2/h"}
    ask = partial(counted, "setup_link", "198.51.100.7")
    waits = [ask(), ask(), ask(), counted("setup_link", "198.51.100.8"), ask()]
    assert [wait > 0 for wait in waits] == [False, False, True, False, True]
    assert 3_500 < waits[2] <= 3_600
    RateCount.objects.update(began_at=timezone.now() - timedelta(minutes=61))
    assert ask() == 0


def test_counts_are_dropped_when_their_time_is_over_for_certain(person: User) -> None:
    for who in ("old", "new"):
        counted("setup_link", who)
        if who == "old":
            RateCount.objects.update(began_at=timezone.now() - timedelta(hours=25))
    drop_old_counts()
    assert RateCount.objects.count() == 1
