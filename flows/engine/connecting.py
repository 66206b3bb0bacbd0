"""Whether two nodes may be connected: what a person is told who draws a wire that cannot be."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from flows.engine.graph import INERT_TYPES
from flows.engine.patch import EdgeKey
from flows.engine.registry import Registry
from flows.engine.validate_containers import is_container

JSON = Any
type Entry = Mapping[str, JSON]
_PORTS_NAMED = 8


def connection_refusal(source: Entry, port: str, target: Entry, registry: Registry) -> str | None:
    """Why no edge can lead from this port of one node to another, and what to do; None: it can."""
    one, other = source["id"], target["id"]
    for node in (source, target):
        if node["type"] in INERT_TYPES:
            return f"'{node['id']}' is a note: it never runs, so nothing leads to or from it."
    if one == other:
        return "A node cannot follow itself. Use a loop node to repeat a step."
    if target["type"] == "input":
        return "The input node is where a run starts, so nothing can lead to it."
    if source.get("parent") != target.get("parent"):
        inner = target if target.get("parent") else source
        return (
            f"This wire would go through the wall of '{inner.get('parent')}'. Connect "
            f"'{inner.get('parent')}' itself, or move both nodes to the same side."
        )
    return _port_refusal(source, port, registry)


def _port_refusal(node: Entry, port: str, registry: Registry) -> str | None:
    node_type = registry.get(node["type"])
    if node_type is None:
        return None
    ports = list(node_type.port_names(node.get("config", {})))
    if node.get("on_error") == "branch":
        ports.append("error")
    if port in ports:
        return None
    if port == "error":
        return f"'{node['id']}' has no port 'error' yet. Set its on_error to 'branch' first."
    if not ports:
        return f"Nothing can follow '{node['id']}': it is an end."
    named = ", ".join(ports[:_PORTS_NAMED])
    return f"'{node['id']}' has no port '{port}'. Connect one of these: {named}."


def leads_to(edges: Iterable[EdgeKey], start: str, goal: str) -> bool:
    """Whether some path along the edges goes from `start` to `goal`, which may be the same."""
    following: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        following[source.partition(".")[0]].append(target)
    seen, todo = {start}, [start]
    while todo:
        node = todo.pop()
        if node == goal:
            return True
        for after in following[node]:
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return False


def parent_refusal(node: str, parent: str, nodes: Mapping[str, Entry], registry: Registry) -> str:
    """Why a node cannot be inside another; empty where it can. `nodes` names all parents."""
    holder = nodes.get(parent)
    if holder is None:
        return f"There is no node '{parent}' to be inside of."
    if not is_container(registry.get(holder.get("type", ""))):
        return f"'{parent}' cannot hold other nodes; a map or a loop can."
    at: str | None = parent
    for _ in range(len(nodes) + 1):
        if at == node:
            return f"'{node}' cannot be inside itself."
        at = nodes[at].get("parent") if at is not None and at in nodes else None
    return ""
