"""What kind of work is inside a container: pure."""

from flows.engine.graph import Graph
from flows.engine.registry import registry

#: Items or rounds in which something waits that are driven in the workflow of the run itself.
HERE = 50
#: Work that lasts without doing anything: it is no activity, and needs no process meanwhile.
SUSPENDING = ("wait", "approval", "subflow")


def suspends(graph: Graph, container: str) -> bool:
    """Whether something inside waits for time, people or other flows, and is not disabled."""
    for node in graph.inside(container):
        if graph.is_disabled(node):
            continue
        node_type = registry().get(graph.nodes[node].type)
        if node_type is None:
            continue
        if node_type.control in SUSPENDING or node_type.asks(graph.nodes[node].config):
            return True
    return False
