"""What a repeated run takes over, as its workflow knows it: pure, no clock."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

from execution.shapes import ReuseCall, RunInput
from flows.engine.reuse import Reuse, Taken
from flows.engine.scope import Path

JSON = Any


async def reuse_from(start: RunInput) -> Reuse | None:
    """What this run takes over; None where everything runs. What is recorded is asked for."""
    call = start.get("reuse")
    if call is None:
        return None
    recorded: dict[str, JSON] = {}
    after: str | None = ""
    while call["run"] is not None and after is not None:
        piece = await workflow.execute_activity(
            "load_reused",
            args=[start["run_id"], call["run"], after],
            start_to_close_timeout=timedelta(seconds=60),
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
        )
        recorded |= piece["results"]
        after = piece["after"]
    return reuse_of(call, recorded)


def reuse_of(call: ReuseCall, recorded: Mapping[str, Mapping[str, JSON]]) -> Reuse:
    """The engine's view of it; `recorded` maps `reuse_key`s to output and ports."""

    def taken(path: Path, node: str) -> Taken | None:
        found = recorded.get(reuse_key(path, node))
        return None if found is None else Taken(found["output"], tuple(found["ports"]))

    ports = call.get("given_ports", {})
    given = {
        node: Taken(output, tuple(ports.get(node, ("out",))))
        for node, output in call["given"].items()
    }
    return Reuse(taken, given, call["start"], call["only_failed"], call["edited"])


def reuse_key(path: Path | list[str | int], node: str) -> str:
    """How results of a run are named while they travel."""
    return json.dumps([*path, node])
