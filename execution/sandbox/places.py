"""Who may use a sandbox process now: few for each run and workspace, so that none keeps others out.

Places are handed out across threads and event loops: workers and inline runs have loops of their
own. Who uses least goes first: by workspace, then by run, then by arrival.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncGenerator
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Owner:
    """Whom a place is counted for."""

    workspace: str
    run: str


@dataclass(eq=False)
class _Waiter:
    owner: Owner
    granted: Future[None] = field(default_factory=Future)


class Places:
    """At most `total` at once; a quarter of them for one run, half of them for one workspace.

    A run has two where there are two, so that a slow item of a map does not hold up all others.
    """

    def __init__(self, total: int) -> None:
        self.total = max(1, total)
        self.of_workspace = max(self.total // 2, min(2, self.total))
        self.of_run = max(self.total // 4, min(2, self.of_workspace))
        self._lock = threading.Lock()
        self._by_run: Counter[Owner] = Counter()
        self._by_workspace: Counter[str] = Counter()
        self._waiting: list[_Waiter] = []

    @asynccontextmanager
    async def one_for(self, owner: Owner, patience: float) -> AsyncGenerator[None]:
        """Hold a place. Raises TimeoutError where none came free within `patience` seconds."""
        waiter = _Waiter(owner)
        with self._lock:
            self._waiting.append(waiter)
            self._grant()
        try:
            async with asyncio.timeout(patience):
                await asyncio.wrap_future(waiter.granted)
            yield
        finally:
            self._leave(waiter)

    @property
    def used(self) -> int:
        with self._lock:
            return self._by_run.total()

    def _grant(self) -> None:
        """Give free places to those who may have one. The lock is held."""
        while self._by_run.total() < self.total:
            able = [waiter for waiter in self._waiting if self._may(waiter.owner)]
            if not able:
                return
            # The list is in order of arrival, and min() takes the first of equals.
            chosen = min(able, key=lambda waiter: self._uses(waiter.owner))
            self._waiting.remove(chosen)
            if chosen.granted.set_running_or_notify_cancel():
                self._by_run[chosen.owner] += 1
                self._by_workspace[chosen.owner.workspace] += 1
                chosen.granted.set_result(None)

    def _may(self, owner: Owner) -> bool:
        workspace, run = self._uses(owner)
        return workspace < self.of_workspace and run < self.of_run

    def _uses(self, owner: Owner) -> tuple[int, int]:
        return self._by_workspace[owner.workspace], self._by_run[owner]

    def _leave(self, waiter: _Waiter) -> None:
        """The waiter has what it wanted, or wants it no more."""
        with self._lock:
            if waiter.granted.cancel() or waiter.granted.cancelled():
                with suppress(ValueError):
                    self._waiting.remove(waiter)
                return
            self._by_run[waiter.owner] -= 1
            self._by_workspace[waiter.owner.workspace] -= 1
            self._by_run, self._by_workspace = +self._by_run, +self._by_workspace
            self._grant()
