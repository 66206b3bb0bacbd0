"""Settings that are values already: nothing in them is evaluated, only loaded."""

from collections.abc import Mapping
from typing import Any

from execution.payloads import resolve_references
from flows.engine.node_call import check_config, keeps_references
from flows.engine.node_type import NodeType

JSON = Any


def values_of(workspace_id: str, node_type: NodeType, plain: Mapping[str, JSON]) -> Any:
    """The checked config of values that were stored where they are large. Raises NodeError."""
    loaded = {
        name: value
        if keeps_references(node_type, name)
        else resolve_references(workspace_id, value)
        for name, value in plain.items()
    }
    return check_config(node_type, loaded)
