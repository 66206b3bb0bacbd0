"""The sandbox for the code of one run."""

from collections.abc import Mapping
from typing import Any

from execution.sandbox.places import Owner
from flows.engine.doors.sandbox import CodeAnswer

JSON = Any


class RunSandbox:
    """The `Sandbox` of one attempt: its processes are counted for its run and workspace."""

    def __init__(self, workspace_id: str, run_id: str) -> None:
        self._owner = Owner(workspace_id, run_id)

    async def run(
        self, source: str, inputs: Mapping[str, JSON], *, seconds: float, memory_bytes: int
    ) -> CodeAnswer:
        from execution.sandbox.pool import sandbox_pool

        return await sandbox_pool().run(
            self._owner, source, inputs, seconds=seconds, memory_bytes=memory_bytes
        )
