"""What a step of a run is called, in all its attempts."""

import json
from collections.abc import Sequence
from uuid import UUID, uuid5


def step_key(run_id: UUID, node: str, path: Sequence[str | int]) -> str:
    """A UUID of a node in a run and an iteration (`path`): for telling repetitions from news."""
    return str(uuid5(run_id, json.dumps([node, *path])))
