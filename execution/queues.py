"""Which task queue a kind of work waits in: pure, no clock."""

from flows.engine.document import NodeSpec
from flows.engine.graph import Graph
from flows.engine.node_type import NodeType, Queue
from flows.engine.registry import registry

#: Kinds of work with a queue of their own beside the main one, the most special first.
SPECIAL: tuple[Queue, ...] = ("code", "model")


def queue_name(main: str, kind: Queue) -> str:
    """The task queue of a kind of work: io waits with the workflows themselves."""
    return f"{main}-{kind}" if kind in SPECIAL else main


def queue_for(main: str, graph: Graph, spec: NodeSpec, node_type: NodeType) -> str:
    """The task queue for a node; a container waits with the most special node inside it."""
    main = main_queue(main)
    kinds = {node_type.queue}
    for node in graph.inside(spec.id):
        found = registry().get(graph.nodes[node].type)
        kinds |= {found.queue} if found is not None else set()
    return queue_name(main, next((kind for kind in SPECIAL if kind in kinds), "io"))


def main_queue(name: str) -> str:
    """The main queue that a queue belongs to."""
    for kind in SPECIAL:
        name = name.removesuffix(f"-{kind}")
    return name
