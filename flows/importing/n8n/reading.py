"""A workflow file of n8n as a source flow: its nodes, and connections by the names of nodes."""

from typing import Any

from flows.importing.source import (
    SourceEdge,
    SourceFlow,
    SourceNode,
    listing,
    mapping,
    mappings,
    number,
    words,
)

JSON = Any
#: Nodes of which one node is a part, as one model of several agents.
MAX_OWNERS = 20
PREFIXES = ("n8n-nodes-base.", "@n8n/n8n-nodes-langchain.", "n8n-nodes-langchain.")


def is_n8n(data: dict[str, JSON]) -> bool:
    """Whether an object looks like a workflow of n8n."""
    nodes = data.get("nodes")
    if not isinstance(nodes, list) or "schema" in data:
        return False
    typed = [n for n in nodes if isinstance(n, dict) and "parameters" in n and "type" in n]
    return isinstance(data.get("connections"), dict) and (bool(typed) or not nodes)


def short(kind: str) -> str:
    """A type without the package it is from."""
    for prefix in PREFIXES:
        if kind.startswith(prefix):
            return kind[len(prefix) :]
    return kind


def read_flow(data: dict[str, JSON]) -> SourceFlow:
    """The flow of a file. What connects a model or tool with a node is in `facts['parts']`."""
    meta = mapping(data.get("meta"))
    version = words(data.get("versionId"))[:8] or words(meta.get("templateCredsSetupCompleted"))
    flow = SourceFlow("n8n", version or "unknown", words(data.get("name")))
    for index, raw in enumerate(mappings(data.get("nodes"))):
        _add_node(flow, raw, index)
    names = {node.name: node.id for node in flow.nodes.values()}
    flow.facts["names"] = names
    parts: dict[str, list[tuple[str, str]]] = {}
    for source, ways in mapping(data.get("connections")).items():
        for kind, ports in mapping(ways).items():
            for port, targets in enumerate(listing(ports)):
                for target in mappings(targets):
                    ends = names.get(source), names.get(words(target.get("node")))
                    if ends[0] is None or ends[1] is None:
                        flow.messages.append(
                            f"A connection from '{source[:80]}' leads to or from a node that is "
                            "not in the file; it was left out."
                        )
                    elif kind == "main":
                        flow.edges.append(SourceEdge(ends[0], str(port), ends[1]))
                    else:
                        parts.setdefault(ends[1], []).append((kind, ends[0]))
    flow.edges = list(dict.fromkeys(flow.edges))
    flow.facts["parts"] = parts
    owners: dict[str, list[str]] = {}
    for owner, found in parts.items():
        for part in dict.fromkeys(name for _, name in found):
            owners.setdefault(part, []).append(owner)
    flow.facts["owners"] = {part: found[:MAX_OWNERS] for part, found in owners.items()}
    _tell(flow, data)
    return flow


def _add_node(flow: SourceFlow, raw: dict[str, JSON], index: int) -> None:
    at = listing(raw.get("position"))
    name = words(raw.get("name")) or f"Node {index + 1}"
    key = words(raw.get("id")) or name
    while key in flow.nodes:
        key = f"{key} (again)"
        flow.messages.append(f"Two nodes have the same id; one of them is '{name[:80]}'.")
    if any(node.name == name for node in flow.nodes.values()):
        flow.messages.append(
            f"Two nodes are named '{name[:80]}': connections and expressions mean the last one."
        )
    flow.nodes[key] = SourceNode(
        key,
        name,
        words(raw.get("type"), "unknown"),
        mapping(raw.get("parameters")),
        number(at[0]) or 0 if len(at) > 1 else index * 220.0,
        number(at[1]) or 0 if len(at) > 1 else 0.0,
        disabled=raw.get("disabled") is True,
        raw=raw,
    )


def _tell(flow: SourceFlow, data: dict[str, JSON]) -> None:
    wanted = sorted(
        {
            words(mapping(one).get("name")) or kind
            for node in flow.nodes.values()
            for kind, one in mapping(node.raw.get("credentials")).items()
        }
    )
    if wanted:
        flow.messages.append(
            "Connect these credentials again, they are never taken over: "
            f"{', '.join(name[:60] for name in wanted[:20])}."
        )
    if mapping(data.get("pinData")):
        flow.messages.append("Pinned test data was left out.")
    if mapping(data.get("staticData")):
        flow.messages.append("Static data that the workflow had kept was left out.")
    if mapping(data.get("settings")).get("errorWorkflow"):
        flow.messages.append(
            "The error workflow was left out: use the port 'error' of the nodes that may fail."
        )
