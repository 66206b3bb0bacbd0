"""The workflow that keeps a collection's indexes in step with its documents.

It decides nothing: the rows say what is to be done, and its one activity does it. What it gives is
that somebody always does, through crashes, restarts and pauses, and never two at once.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

#: Rounds of work until the history begins anew.
ROUNDS = 200
#: A round lasts some seconds, but one that makes the indexes of a million chunks much longer.
LONGEST_ROUND = timedelta(hours=6)
SILENCE = timedelta(seconds=5)
RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=30),
)


@workflow.defn(name="knowledge-index")
class KnowledgeIndexing:
    """Works until nothing is to be done; `news` makes it look again."""

    def __init__(self) -> None:
        self.has_news = False

    @workflow.run
    async def run(self, start: dict[str, Any]) -> None:
        """`start`: the `collection`, and the task `queue` on which models are asked."""
        for _ in range(ROUNDS):
            self.has_news = False
            done = await workflow.execute_activity(
                "knowledge_work",
                start["collection"],
                task_queue=start["queue"],
                start_to_close_timeout=LONGEST_ROUND,
                heartbeat_timeout=SILENCE,
                retry_policy=RETRY,
            )
            if done["wait"]:
                await self._rest(done["wait"])
            elif not done["more"] and not self.has_news:
                return
        workflow.continue_as_new(start)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self.has_news, timeout=timedelta(seconds=seconds))

    @workflow.signal
    async def news(self) -> None:
        """Documents came or went, or an index is to be built."""
        self.has_news = True
