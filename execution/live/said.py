"""How much a page may say on a socket; what says more is no page of ours."""

#: What a browser may say in so many seconds.
SAID_LIMIT, SAID_SECONDS = 200, 10.0
#: Close code for more ("policy violation" of RFC 6455).
TOO_MUCH = 1008


class Said:
    """Counts what is said, read or not: parsing it holds up the other sockets."""

    def __init__(self) -> None:
        self._count = 0
        self._since = 0.0

    def another(self, now: float) -> int:
        """One more at `now` (seconds of the event loop); by how many it is too much."""
        if now - self._since > SAID_SECONDS:
            self._count, self._since = 0, now
        self._count += 1
        return max(0, self._count - SAID_LIMIT)
