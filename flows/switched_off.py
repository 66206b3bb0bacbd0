"""What validation says of nodes whose type operators have switched off."""

from uuid import UUID

from accounts.operators.features import switched_off_nodes
from flows.engine.document import Document
from flows.engine.errors import MAX_PROBLEMS, Problem

CODE = "feature_off"


def switched_off_problems(document: Document, workspace_id: UUID) -> list[Problem]:
    """An error for each node that would not run here; most often nothing is looked at."""
    off = switched_off_nodes(workspace_id)
    if not off:
        return []
    found = [
        Problem(CODE, off[node.type].off, node.id)
        for node in document.nodes
        if node.type in off and not node.disabled
    ]
    return found[:MAX_PROBLEMS]
