"""How long a node is tried: what the document says, else what its node type does by default."""

from flows.engine.document import NodeSpec
from flows.engine.node_type import NodeType

#: Seconds of an attempt around the work that its config limits: values are loaded before it, and
#: what came back is read after it.
MARGIN_SECONDS = 10.0


def attempt_seconds(node: NodeSpec, node_type: NodeType) -> float:
    """Seconds after which an attempt of this node is ended.

    The document's own `timeout_seconds` wins; else the type's default, or more where the config
    lets the work take longer.
    """
    if node.timeout_seconds is not None:
        return node.timeout_seconds
    wanted = seconds_wanted(node, node_type)
    if wanted is None:
        return node_type.timeout_seconds
    return max(node_type.timeout_seconds, wanted + MARGIN_SECONDS)


def seconds_wanted(node: NodeSpec, node_type: NodeType) -> float | None:
    """Seconds that the node's config lets its work take; None where it says nothing of it."""
    return None if node_type.seconds_of is None else node_type.seconds_of(node.config)
