"""The task queues by kind of work: slow models, or heavy code, keep nothing else waiting.

Pure, for workflows choose by it: no Django, no Temporal.
"""

from collections.abc import Iterable

from flows.engine.document import NodeSpec
from flows.engine.graph import Graph
from flows.engine.node_type import NodeType, Queue
from flows.engine.registry import registry

#: The most special last.
ALL_QUEUES: tuple[Queue, ...] = ("io", "model", "code")
#: What a worker can be told to do. `workflow` and `io` are one queue: a step that follows at once
#: in the same process costs least.
KINDS = ("workflow", "io", "model", "code")


def task_queue(main: str, kind: Queue) -> str:
    """The task queue of a kind of work, beside the main one."""
    return main if kind == "io" else f"{main}-{kind}"


def queue_for(main: str, graph: Graph, node: NodeSpec, node_type: NodeType) -> str:
    """The task queue for a node; a container waits with the most special node inside it."""
    kinds = {node_type.queue}
    for inner in graph.inside(node.id):
        found = registry().get(graph.nodes[inner].type)
        kinds |= {found.queue} if found is not None else set()
    return task_queue(main, max(kinds, key=ALL_QUEUES.index))


def queues_of(kinds: Iterable[str]) -> set[Queue]:
    """The queues of a worker that does these kinds. Raises ValueError, naming a wrong one."""
    queues: set[Queue] = set()
    for kind in kinds:
        match kind:
            case "workflow" | "io":
                queues.add("io")
            case "model" | "code":
                queues.add(kind)
            case _:
                raise ValueError(f"'{kind}' is no kind of work. Choose of {', '.join(KINDS)}.")
    if not queues:
        raise ValueError(f"Name a kind of work. Choose of {', '.join(KINDS)}.")
    return queues
