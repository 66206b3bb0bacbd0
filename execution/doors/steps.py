"""The steps of a node: recorded under its own path, as those of a container are."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction

from execution.attempt_ends import AttemptFailed, HandedBack, InnerFailure
from execution.attempts import RunPaused
from execution.blobs import save_blobs
from execution.database import in_database
from execution.models import NodeRun, NodeStatus
from execution.payloads import Externalizer, resolve_references
from execution.shapes import Ask, NodeCall, NodeDone
from flows.engine.doors.steps import Question, Step
from flows.engine.errors import NodeError
from flows.engine.node_type import Context, Result

JSON = Any
#: What tells the name of a step from the id of a node.
MARK = "."
NAME_LENGTH = 62
type Work = Callable[[Context], Awaitable[Result]]


class Perform(Protocol):
    """One attempt of a step from begin to record, as `runner.run_node`."""

    async def __call__(self, call: NodeCall, work: Work, repeatable: bool) -> NodeDone: ...


class RunSteps:
    """The `Steps` of one attempt of a node."""

    def __init__(self, call: NodeCall, perform: Perform) -> None:
        self._call = call
        self._perform = perform
        self._at_work: set[asyncio.Future[NodeDone]] = set()

    async def do(self, step: Step, work: Work) -> dict[str, JSON]:
        call = self._step_call(step)
        while True:
            try:
                done = await self._performed(call, work, step)
            except AttemptFailed as failed:
                if failed.retry_in is None:
                    raise InnerFailure(failed.error) from failed
                await asyncio.sleep(failed.retry_in)
            except RunPaused:
                # What runs beside it would be cut off with the node; a pause lets it end.
                while self._at_work:
                    await asyncio.wait(self._at_work)
                raise
            else:
                return await self._whole(done["output"])

    async def _performed(self, call: NodeCall, work: Work, step: Step) -> NodeDone:
        """One attempt of a step, known as being at work meanwhile."""
        ended: asyncio.Future[NodeDone] = asyncio.get_running_loop().create_future()
        self._at_work.add(ended)
        try:
            return await self._perform(call, work, step.idempotent)
        finally:
            self._at_work.discard(ended)
            ended.cancel()

    def _step_call(self, step: Step) -> NodeCall:
        call: NodeCall = {
            **self._call,
            "node": step_name(step.name),
            "type": step.type,
            "config": dict(step.input),
            "path": self._path(step.number),
            "timeout_seconds": step.timeout_seconds,
            "retry": asdict(step.retry),
            "retry_asked_for": False,
            "context": {},
            "incoming": [],
            "from_record": [],
            "records": [],
        }
        for name in ("resumes", "unanswered"):
            call.pop(name, None)  # type: ignore[misc]
        return call

    def _path(self, number: int) -> list[str | int]:
        return [*self._call["path"], self._call["node"], number]

    async def _whole(self, output: Mapping[str, JSON]) -> dict[str, JSON]:
        workspace = UUID(self._call["workspace_id"])
        return await in_database(lambda: resolve_references(workspace, dict(output)))

    async def answers(self, questions: Sequence[Question]) -> Sequence[dict[str, JSON] | NodeError]:
        found = await in_database(lambda: self._recorded(questions))
        open_ones = [asked for asked in questions if asked.number not in found]
        if open_ones:
            asks = await in_database(lambda: [self._ask(asked) for asked in open_ones])
            raise HandedBack(NodeDone(output={}, ports=[], ends_run=None, message="", asks=asks))
        return [found[asked.number] for asked in questions]

    def _ask(self, asked: Question) -> Ask:
        """What travels to whoever waits for it; what a model wrote is data, whatever it looks like.

        Raises NodeError for a value that is too large to be stored.
        """
        out = Externalizer(limit=self._call["value_limit"])
        config = out.shrink_object(dict(asked.config), whole=False)
        with transaction.atomic():
            save_blobs(self._call["workspace_id"], out.blobs)
        return Ask(
            node=step_name(asked.name),
            path=self._path(asked.number),
            type=asked.type,
            config=config,
            label=asked.label,
            timeout_seconds=asked.timeout_seconds,
        )

    def _recorded(self, questions: Sequence[Question]) -> dict[int, dict[str, JSON] | NodeError]:
        found: dict[int, dict[str, JSON] | NodeError] = {}
        unanswered = self._call.get("unanswered", {})
        workspace = UUID(self._call["workspace_id"])
        for asked in questions:
            path = self._path(asked.number)
            rows = NodeRun.objects.filter(run_id=self._call["run_id"], path=path)
            row = rows.filter(node=step_name(asked.name)).order_by("-attempt").first()
            if row is not None and row.has_result:
                found[asked.number] = resolve_references(workspace, row.output or {})
            elif row is not None and row.status == NodeStatus.FAILED:
                found[asked.number] = InnerFailure(row.error or {})
            elif error := unanswered.get(str(asked.number)):
                found[asked.number] = InnerFailure(error)
        return found


def step_name(name: str) -> str:
    """How a step is called in the record; no node of a document can be called so."""
    return f"{MARK}{name}"[: NAME_LENGTH + 1]
