"""Calls that an API key may make in a minute, counted over all web processes."""

from dataclasses import dataclass
from math import ceil
from uuid import UUID

from rest_framework.exceptions import Throttled

from accounts.counting import count_once_more

WINDOW = 60


@dataclass(frozen=True)
class Rate:
    """How a key stands in its minute: calls allowed, calls left, seconds until a new one."""

    limit: int
    left: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers has them."""
        return {
            "RateLimit-Policy": f'"minute";q={self.limit};w={WINDOW}',
            "RateLimit": f'"minute";r={self.left};t={self.reset}',
        }


class RateExceeded(Throttled):
    """More calls in a minute than the key may make."""

    default_code = "key_rate_exceeded"

    def __init__(self, rate: Rate) -> None:
        calls = "1 call" if rate.limit == 1 else f"{rate.limit:,} calls"
        super().__init__(
            detail=f"This API key may make {calls} a minute. Try again in {rate.reset} s, or have "
            "its limit raised under Settings.",
            code=self.default_code,
        )
        self.headers = {**rate.headers, "Retry-After": str(rate.reset)}


def count_call(key: UUID, limit: int) -> Rate:
    """Count a call of a key. Raises RateExceeded where it has none left in this minute."""
    used, seconds = count_once_more(key, most=limit, seconds=WINDOW)
    rate = Rate(limit, max(0, limit - used), max(1, ceil(seconds)))
    if used > limit:
        raise RateExceeded(rate)
    return rate
