"""The errors of attempts that the runner finds the words for."""

import logging

from django.conf import settings

from execution.database import RecordRefused
from execution.shapes import NodeCall
from flows.engine.errors import NodeError

logger = logging.getLogger(__name__)


def too_late(call: NodeCall) -> NodeError:
    """For an attempt that took longer than it may."""
    seconds = call["timeout_seconds"]
    return NodeError(
        "timeout",
        f"No result within {seconds:g} seconds. Raise the node's timeout_seconds, or ask for "
        "less at once.",
        retryable=True,
    )


def unstorable(call: NodeCall, error: RecordRefused) -> NodeError:
    """For a result that the database refuses."""
    logger.error("A result of node %s of run %s: %s", call["node"], call["run_id"], error)
    return NodeError(
        "result_unstorable",
        f"The node '{call['node']}' made something that cannot be stored. Have it make "
        "less or plainer data; the worker's log says what was refused.",
    )


def broke(call: NodeCall, error: Exception) -> NodeError:
    """For what a node type should not have raised."""
    logger.exception("Node %s of run %s broke", call["node"], call["run_id"])
    detail = f": {error}" if settings.DEBUG else ""
    return NodeError(
        "node_broke",
        f"The node type '{call['type']}' broke on this input ({type(error).__name__}"
        f"{detail}). This is a fault in the node type, not in your flow; the worker's log has "
        "the details.",
    )
