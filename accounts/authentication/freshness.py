"""Whether who asks is known to be there now, and not only a session of theirs."""

import time
from typing import Any

from allauth.account.authentication import get_authentication_records

#: Seconds for which a sign-in counts as fresh, for who has nothing that could be asked for.
FRESH = 600


def signed_in_lately(request: Any) -> bool:
    """Whether the last proof of who they are was given within FRESH."""
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - float(records[-1]["at"]) < FRESH
