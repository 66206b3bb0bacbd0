"""Drives a part of a container in a child workflow: some items of a map, some rounds of a loop.

For containers in which something waits: a run's own history would grow with every item. Only
`flows.engine` and Temporal are imported.
"""

import json
from collections.abc import Mapping
from typing import Any

from execution.drive import Drive
from execution.reusing import reuse_of
from execution.shapes import NodeCall, PartDone, RunInput
from flows.engine.commands import Ended
from flows.engine.document import parse
from flows.engine.graph import Graph
from flows.engine.migrate import migrated
from flows.engine.plan import FinishRun
from flows.engine.registry import registry
from flows.engine.reuse import Reuse
from flows.engine.walk import Walk

JSON = Any


class PartDrive(Drive):
    """Carries one part to its end; what its run waits for elsewhere it does not know."""

    def __init__(self, start: RunInput, call: NodeCall) -> None:
        super().__init__(start)
        self.part = call
        self.started_at = call["started_at"]
        self.through: Ended | None = None

    async def to_the_end_of_it(self) -> PartDone:
        """Until all of the part's items or rounds are over, or something in it ends the run."""
        items = await self._prepare_part()
        inside, base = self.part["inside"], self.walk.base
        if self.part["type"] == "map":
            self.walk.open_map(
                base,
                self.part["node"],
                items,
                concurrency=inside["concurrency"],
                on_item_error=inside["on_item_error"],  # type: ignore[arg-type]
                first=inside["first"],
            )
        else:
            self.walk.open_loop(
                base,
                self.part["node"],
                inside["items"],
                max_iterations=inside["concurrency"],
                first=inside["first"],
            )
        while True:
            if self.paused:
                await self.until_resumed()
            finish = await self.carry_out()
            if finish is not None or self.through is not None:
                return await self._done(finish)
            await self.one_more_done()

    async def _prepare_part(self) -> list[JSON]:
        """The walk of the part, and the items of a map."""
        document = self.start["document"]
        if document is None:
            document = json.loads(await self.document_text())
        inside = self.part["inside"]
        items: list[JSON] = []
        if self.part["type"] == "map":
            items = await self.activity("load_items", self.start["workspace_id"], inside["items"])
        self.walk = Walk.inside(
            Graph(migrated(parse(document), registry())),
            self.part["node"],
            tuple(self.part["path"]),
            self.part["context"],
            reuse=await self._reuse(len(items)),
            fresh=inside["fresh"],
        )
        return items

    async def _reuse(self, count: int) -> Reuse | None:
        inside = self.part["inside"]
        reuse = inside["reuse"]
        if reuse is None or inside["fresh"] or reuse["run"] is None:
            return None
        found: Mapping[str, Any] = await self.activity("load_reused_inside", self.part, count)
        return reuse_of(reuse, found)

    async def _done(self, finish: FinishRun | None) -> PartDone:
        self.stop_running_nodes()
        await self.wind_up()
        done = PartDone(items=[], errors=[], failed=None, ends=None, paused=False)
        if finish is not None:
            ends = {"status": finish.status, "message": finish.message, "error": finish.error}
            return {**done, "ends": ends}
        assert self.through is not None
        if self.through.result is None:
            return {**done, "failed": self.through.error or {}}
        output = self.through.result.output
        if self.part["type"] == "loop":
            work = self.walk.base.works[self.part["node"]]
            return {**done, "items": output, "fresh": work.fresh}
        lists = {"items": output["items"], "errors": output["errors"]}
        kept = await self.activity("keep", self.start["workspace_id"], lists)
        return {**done, "items": kept["items"], "errors": kept["errors"]}

    def _ended(self, command: Ended) -> None:
        if command.scope is self.walk.base:
            self.through = command
        else:
            super()._ended(command)
