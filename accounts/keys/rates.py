"""Calls that an API key may make in a minute, counted over all web processes."""

from dataclasses import dataclass
from math import ceil
from uuid import UUID

from django.db import connection
from rest_framework.exceptions import Throttled

WINDOW = 60
# A minute begins with its first call. One statement on an unlogged row: whoever comes at the same
# moment waits for the row, so that no call is counted twice or not at all, and no disk is waited
# for.
_COUNT = """
INSERT INTO accounts_keyrate AS rate (key, began_at, used)
VALUES (%(key)s::uuid, clock_timestamp(), 1)
ON CONFLICT (key) DO UPDATE SET
  began_at = CASE WHEN rate.began_at <= clock_timestamp() - interval '1 minute'
    THEN clock_timestamp() ELSE rate.began_at END,
  used = CASE WHEN rate.began_at <= clock_timestamp() - interval '1 minute'
    THEN 1 ELSE LEAST(rate.used, %(most)s::integer) + 1 END
RETURNING used, 60 - extract(epoch FROM clock_timestamp() - began_at)::float8
"""


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
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"key": key, "most": limit})
        used, seconds = cursor.fetchone()
    rate = Rate(limit, max(0, limit - used), max(1, ceil(seconds)))
    if used > limit:
        raise RateExceeded(rate)
    return rate
