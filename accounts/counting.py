"""Counts how often something was done in its stretch of time, over all processes."""

from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.models import RateCount

#: No stretch is longer.
LONGEST = timedelta(days=1)
# A stretch begins with the first time. One statement on an unlogged row: whoever comes at the same
# moment waits for the row, so that nothing is counted twice or not at all, and no disk is waited
# for. The cache could not do it: there counting is reading, and then writing.
_COUNT = """
INSERT INTO accounts_keyrate AS rate (key, began_at, used)
VALUES (%(key)s::uuid, clock_timestamp(), 1)
ON CONFLICT (key) DO UPDATE SET
  began_at = CASE
    WHEN rate.began_at <= clock_timestamp() - make_interval(secs => %(seconds)s::float8)
    THEN clock_timestamp() ELSE rate.began_at END,
  used = CASE
    WHEN rate.began_at <= clock_timestamp() - make_interval(secs => %(seconds)s::float8)
    THEN 1 ELSE LEAST(rate.used, %(most)s::integer) + 1 END
RETURNING used, %(seconds)s::float8 - extract(epoch FROM clock_timestamp() - began_at)::float8
"""


def count_once_more(key: UUID, *, most: int, seconds: int) -> tuple[int, float]:
    """How often in this stretch, up to one more than `most`, and the seconds until it is over."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"key": key, "most": most, "seconds": seconds})
        used, left = cursor.fetchone()
    return used, left


def drop_old_counts() -> None:
    """Those whose stretch is over for certain; a worker calls it now and then."""
    RateCount.objects.filter(began_at__lt=timezone.now() - LONGEST).delete()
