"""What an API key may be given, and by whom: a key gives no more than it has itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.errors import InvalidValue
from accounts.models import ApiKey
from accounts.permissions import SCOPE_ACTIONS, Actor

#: The highest limit of calls a minute, and of US dollars a month; above, leave it empty.
MAX_PER_MINUTE = 100_000
MAX_BUDGET = Decimal(1_000_000)
#: Digits behind the point that a budget has.
PLACES = 4


@dataclass(frozen=True)
class KeyLimits:
    """Until when a key is valid, its calls a minute and its US dollars a month; None: no limit."""

    expires_at: datetime | None = None
    requests_per_minute: int | None = None
    monthly_budget: Decimal | None = None


def granted(actor: Actor, scopes: Iterable[str], had: Iterable[str] | None = None) -> list[str]:
    """The scopes without doubles. Raises InvalidValue for unknown ones, none, and too many.

    `had` are those of a key that is changed: it never gets others than these. A key gives none that
    it has not itself.
    """
    wanted = list(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPE_ACTIONS]
    if unknown or not wanted:
        raise InvalidValue(
            "scopes",
            (f"There is no scope '{unknown[0]}'. " if unknown else "A key needs a scope. ")
            + f"Choose of {', '.join(SCOPE_ACTIONS)}.",
        )
    added = [] if had is None else [scope for scope in wanted if scope not in set(had)]
    if added:
        raise InvalidValue(
            "scopes", f"A key never gets more scopes than it had ('{added[0]}'). Make a new key."
        )
    beyond = [scope for scope in wanted if scope not in actor.scopes]
    if actor.api_key_id is not None and beyond:
        raise InvalidValue(
            "scopes",
            f"A key gives no scope that it has not itself, as '{beyond[0]}'. Use a key with it, or "
            "do it in the browser.",
        )
    return wanted


def checked(actor: Actor, limits: KeyLimits) -> KeyLimits:
    """The limits, where they can be kept and, set by a key, are no wider than its own.

    Raises InvalidValue.
    """
    if limits.expires_at is not None and limits.expires_at <= timezone.now():
        raise InvalidValue("expires_at", "Choose a time in the future.")
    most = limits.requests_per_minute
    if most is not None and not 1 <= most <= MAX_PER_MINUTE:
        raise InvalidValue(
            "requests_per_minute", f"Give a number from 1 to {MAX_PER_MINUTE:,}, or nothing."
        )
    budget = limits.monthly_budget
    if budget is not None and not (budget.is_finite() and 0 <= budget <= MAX_BUDGET):
        raise InvalidValue(
            "monthly_budget", f"Give US dollars from 0 to {MAX_BUDGET:,}, or nothing."
        )
    if budget is not None and budget != round(budget, PLACES):
        raise InvalidValue("monthly_budget", f"A budget has {PLACES} digits behind the point.")
    if actor.api_key_id is not None:
        _within(limits, ApiKey.objects.get(id=actor.api_key_id))
    return limits


def _within(limits: KeyLimits, own: ApiKey) -> None:
    """Else a limited key would make itself one without limits."""
    for name in ("expires_at", "requests_per_minute", "monthly_budget"):
        most: Any = getattr(own, name)
        wanted: Any = getattr(limits, name)
        if most is not None and (wanted is None or wanted > most):
            shown = f"{most:%Y-%m-%dT%H:%M:%SZ}" if isinstance(most, datetime) else most
            raise InvalidValue(
                name,
                f"A key that is limited makes no key with a wider limit: give {shown} at most.",
            )
