"""Times as calls give them."""

import re
from datetime import UTC, datetime

from django.utils.dateparse import parse_date, parse_datetime

from fluxprompt.api.problems import refuse


def moment(given: str, name: str) -> datetime | None:
    """A date or time in ISO 8601; without a zone it is UTC."""
    if not given:
        return None
    # In a query string an unescaped `+02:00` arrives with a space.
    text = given.replace(" ", "+") if re.search(r" \d\d:?\d\d$", given) and "T" in given else given
    try:
        found = parse_datetime(text)
        if found is None and (day := parse_date(text)) is not None:
            found = datetime(day.year, day.month, day.day)
        if found is not None:
            at = found if found.tzinfo else found.replace(tzinfo=UTC)
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise refuse(
        400, "bad_parameter", f"'{name}' has to be a time such as 2026-11-23T09:00:00Z.", name
    )
