"""Keyset paging: stable while rows are added, and as fast on page 1,000 as on page 1."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Q

MAX_LIMIT = 200
DEFAULT_LIMIT = 50


class CursorInvalid(ValueError):
    """A cursor that none of our pages gave out."""

    code = "cursor_invalid"


@dataclass(frozen=True)
class Page[Row: models.Model]:
    """Rows of one page, newest first; `next` is the cursor of the following page or None."""

    results: list[Row]
    next: str | None


def newest_first[Row: models.Model](
    rows: models.QuerySet[Row], *, by: str, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[Row]:
    """One page ordered by the time field `by` and the id, both descending."""
    ordered = rows.order_by(f"-{by}", "-pk")
    if cursor:
        at, pk = _read(cursor)
        # `<=` on the time alone lets PostgreSQL seek in the index; the rest breaks ties.
        ordered = ordered.filter(
            Q(**{f"{by}__lt": at}) | Q(**{by: at, "pk__lt": pk}), **{f"{by}__lte": at}
        )
    found = list(ordered[: limit + 1])
    more = len(found) > limit
    page = found[:limit]
    return Page(page, _write(getattr(page[-1], by), page[-1].pk) if more else None)


def _write(at: datetime, pk: UUID) -> str:
    raw = json.dumps([at.isoformat(), str(pk)], separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime, UUID]:
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        at, pk = json.loads(raw)
        moment, key = datetime.fromisoformat(at), UUID(pk)
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise CursorInvalid("This cursor is not one of ours. Start without it.") from None
    if moment.tzinfo is None:
        raise CursorInvalid("This cursor is not one of ours. Start without it.")
    return moment, key
