"""Reads flows of a run's workspace for its nodes."""

from uuid import UUID

from execution.database import in_database
from execution.subflows import published_flow
from flows.engine.doors.flows import FlowFacts


class RunFlows:
    """The `Flows` of one attempt."""

    def __init__(self, workspace_id: UUID, run_id: UUID) -> None:
        self._workspace_id = workspace_id
        self._run_id = run_id

    async def facts(self, reference: str, version: int | None = None) -> FlowFacts:
        return await in_database(lambda: self._facts(reference, version))

    def _facts(self, reference: str, version: int | None) -> FlowFacts:
        flow, pinned = published_flow(self._workspace_id, self._run_id, reference, version)
        document = pinned.whole_document()
        description = str(document.get("description") or "")
        return FlowFacts(str(flow.id), flow.slug, flow.name, description, pinned.fields)
