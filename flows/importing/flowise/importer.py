"""Puts together the import of an Agentflow V2 of Flowise; the table of its node types is here."""

from collections.abc import Sequence
from typing import Any

from flows.engine.document_text import read_text
from flows.engine.errors import DocumentInvalid
from flows.importing.building import build
from flows.importing.circles import open_circles
from flows.importing.code import Code, Untranslatable, braced
from flows.importing.draft import Box, Draft
from flows.importing.flowise import agents, nodes
from flows.importing.flowise.expressions import parts
from flows.importing.result import Imported, ImportRefused
from flows.importing.secrets import Scrubber
from flows.importing.source import (
    SourceEdge,
    SourceFlow,
    SourceNode,
    mapping,
    mappings,
    number,
    words,
)
from flows.importing.steps import Kind, Step, as_note, missing
from flows.importing.variables import Variables

JSON = Any
_ENDING = "Agentflow"


_NOTE = Kind("mapped", ("note",), as_note(nodes.note_text))
KINDS: dict[str, Kind] = {
    "startAgentflow": Kind("mapped", ("input",), nodes.start),
    "llmAgentflow": Kind("mapped", ("llm",), nodes.llm),
    "agentAgentflow": Kind("mapped", ("agent",), agents.agent),
    "conditionAgentflow": Kind("mapped", ("if", "switch"), nodes.condition),
    "conditionAgentAgentflow": Kind("mapped", ("classify",), nodes.condition_agent),
    "httpAgentflow": Kind("mapped", ("http",), nodes.http),
    "iterationAgentflow": Kind("mapped", ("map",), nodes.iteration),
    "loopAgentflow": Kind("mapped", ("merge", "loop"), nodes.back),
    "humanInputAgentflow": Kind("mapped", ("approval",), nodes.human),
    "directReplyAgentflow": Kind("mapped", ("output",), nodes.reply),
    "executeFlowAgentflow": Kind("approximated", ("subflow",), nodes.subflow),
    "stickyNoteAgentflow": _NOTE,
    "stickyNote": _NOTE,
    "toolAgentflow": Kind("mapped", ("mcp", "subflow", "http"), agents.tool),
    "customFunctionAgentflow": Kind("unsupported", ("transform", "note"), agents.script),
    "retrieverAgentflow": Kind("approximated", ("knowledge",), agents.retriever),
}
_UNKNOWN = Kind("unsupported", ("transform", "note"), missing)


class Flowise:
    """How Agentflows are read."""

    product = "flowise"
    title = "Flowise"

    def kind(self, node: SourceNode) -> Kind:
        return KINDS.get(node.type, _UNKNOWN)

    def parts(self, text: str, step: Step) -> Sequence[str | Code]:
        return parts(text, step)

    def facts(self, node: SourceNode) -> dict[str, JSON]:
        return {}


def _graph(data: dict[str, JSON]) -> dict[str, JSON]:
    """The object with nodes and edges: the file itself, or text in its `flowData`."""
    inner = data.get("flowData")
    if not isinstance(inner, str):
        return data
    try:
        return read_text(inner)
    except DocumentInvalid as invalid:
        message = f"The text under 'flowData' cannot be read. {invalid.problems[0].message}"
        raise ImportRefused(message) from invalid


def is_flowise(data: dict[str, JSON]) -> bool:
    """Whether an object looks like an Agentflow V2."""
    if isinstance(data.get("flowData"), str):
        return True
    kinds = [words(mapping(n.get("data")).get("name")) for n in mappings(data.get("nodes"))]
    return any(kind.endswith(_ENDING) for kind in kinds)


def _read_flow(data: dict[str, JSON], name: str) -> SourceFlow:
    flow = SourceFlow("flowise", "2", name)
    for index, raw in enumerate(mappings(data.get("nodes"))):
        inner, at = mapping(raw.get("data")), mapping(raw.get("position"))
        key = words(raw.get("id")) or words(inner.get("id")) or f"node_{index}"
        if key in flow.nodes:
            flow.messages.append(f"Two nodes have the id '{key[:80]}': the second was renamed.")
            key = f"{key} ({index})"
        flow.nodes[key] = SourceNode(
            key,
            words(inner.get("label")) or key,
            words(inner.get("name"), "unknown"),
            mapping(inner.get("inputs")),
            number(at.get("x")) or 0,
            number(at.get("y")) or 0,
            words(raw.get("parentNode")) or None,
            raw=inner,
        )
    for raw in mappings(data.get("edges")):
        ends = words(raw.get("source")), words(raw.get("target"))
        if any(end not in flow.nodes for end in ends):
            flow.messages.append("A connection leads to or from a node that is not in the file.")
            continue
        port = words(raw.get("sourceHandle")).rpartition("-output-")[2]
        flow.edges.append(SourceEdge(ends[0], port or "out", ends[1]))
    flow.edges = list(dict.fromkeys(flow.edges))
    return flow


def read(data: dict[str, JSON], scrubber: Scrubber) -> Imported:
    """The import of a file that `is_flowise`. Raises ImportRefused."""
    graph = _graph(data)
    if graph is not data:
        scrubber = Scrubber([data, graph])
        if not is_flowise(graph):
            raise ImportRefused(
                "This is a chatflow or an Agentflow V1 of Flowise, which are built of other parts. "
                "Only Agentflow V2 can be imported."
            )
    flow = _read_flow(graph, words(data.get("name")))
    draft = Draft(flow)
    flow.facts |= {"variables": Variables(), "maps": {}, "state_ids": {}}
    for node in flow.nodes.values():
        draft.ids[node.id] = draft.new_id(node.name)
        draft.boxes[node.id] = None
    _plan(draft)
    rounds = _ways_back(draft)
    for name in flow.nodes:
        draft.carriers[name] = flow.before(name)
    open_circles(draft, rounds)
    _tell(draft)
    return build(draft, Flowise(), scrubber, finish=lambda: _results(draft))


def _plan(draft: Draft) -> None:
    """The start, the containers, and which nodes change the state."""
    flow = draft.flow
    for node in flow.nodes.values():
        if node.type == "startAgentflow":
            flow.facts["start"] = node.id
        if node.type == "iterationAgentflow":
            flow.facts["maps"][node.id] = Box(draft.ids[node.id], "map", None, node.id)
        for key, value in node.config.items():
            changes = nodes.rows(value) if key.endswith("UpdateState") else []
            if changes and node.id not in flow.facts["state_ids"]:
                name = draft.new_id(f"{draft.ids[node.id]}_state")
                flow.facts["state_ids"][node.id] = name
                for raw in changes:
                    flow.facts["variables"].declare(node.id, words(raw.get("key")), name)
    for node in flow.nodes.values():
        box = flow.facts["maps"].get(node.parent or "")
        if node.parent and box is None:
            flow.messages.append(f"'{node.name[:80]}' is in a node that holds no others here.")
        own = flow.facts["maps"].get(node.id)
        if own is not None and not own.put_into(box):
            flow.messages.append(f"'{node.name[:80]}' was inside of itself; it was taken out.")
            box = None
        draft.boxes[node.id] = box
    _move_out(draft)


def _move_out(draft: Draft) -> None:
    """Places inside of a container are told from its corner; ours are of the whole picture."""
    for key, node in list(draft.flow.nodes.items()):
        outer = draft.flow.nodes.get(node.parent or "")
        if outer is not None:
            moved = {**node.__dict__, "x": node.x + outer.x, "y": node.y + outer.y}
            draft.flow.nodes[key] = SourceNode(**moved)


def _ways_back(draft: Draft) -> dict[str, int]:
    """Edges for the loop nodes, which only name where they lead back to; and their most rounds."""
    rounds = {}
    for node in draft.flow.nodes.values():
        if node.type != "loopAgentflow":
            continue
        named = words(node.config.get("loopBackToNode"))
        target = named if named in draft.flow.nodes else named.partition("-")[0]
        if target in draft.flow.nodes:
            draft.flow.edges.append(SourceEdge(node.id, "back", target))
        else:
            draft.messages.append(f"'{node.name[:80]}' leads back to no node: connect it.")
        rounds[node.id] = int(number(node.config.get("maxLoopCount")) or 5)
    return rounds


def _tell(draft: Draft) -> None:
    if any("redential" in key for n in draft.flow.nodes.values() for key in _keys(n.raw)):
        draft.messages.append(
            "Credentials are never taken over: connect the providers of the models again."
        )


def _keys(value: JSON, depth: int = 0) -> list[str]:
    if not isinstance(value, dict) or depth > 4:
        return []
    return [*value, *(key for item in value.values() for key in _keys(item, depth + 1))]


def _results(draft: Draft) -> None:
    """What is kept of each item: what the last step inside gave."""
    for head, box in draft.flow.facts["maps"].items():
        inside = [name for name, holder in draft.boxes.items() if holder is box]
        ends = [n for n in inside if n in draft.made and not draft.flow.after(n)]
        reader = f"@result:{head}"
        draft.boxes[reader], draft.carriers[reader] = box, ends
        try:
            box.config["result"] = braced(draft.carried(reader, ()))
        except Untranslatable:
            continue
