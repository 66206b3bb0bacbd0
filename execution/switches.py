"""Asks the operators' switches from an event loop, before a step does what may be switched off."""

from uuid import UUID

from accounts.operators.features import FEATURES, are_known, is_on
from execution.database import in_database
from flows.engine.errors import NodeError

#: Node types that a feature is about; what others do is never asked about.
OF_NODES = {node: feature.name for feature in FEATURES.values() for node in feature.nodes}


async def check_switch(workspace_id: UUID, name: str) -> None:
    """Raises NodeError `feature_off`. Asks the database every few seconds at most."""
    if are_known():
        on = is_on(name, workspace_id)
    else:
        on = await in_database(lambda: is_on(name, workspace_id))
    if not on:
        raise NodeError("feature_off", FEATURES[name].off)


async def check_node_type(workspace_id: str, node_type: str) -> None:
    """The same for a node of this type."""
    if (feature := OF_NODES.get(node_type)) is not None:
        await check_switch(UUID(workspace_id), feature)
