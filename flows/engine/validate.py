"""Find what is wrong with a flow before it runs: structure, configs, expressions, references."""

from collections.abc import Collection

from flows.engine.attempts import MARGIN_SECONDS, seconds_wanted
from flows.engine.document import Document, NodeSpec
from flows.engine.document_problems import duplicate_problems
from flows.engine.errors import Problem, limited
from flows.engine.graph import INERT_TYPES, Graph
from flows.engine.migrate import migration
from flows.engine.names import Suggestions
from flows.engine.node_type import NodeType
from flows.engine.registry import Registry
from flows.engine.validate_config import config_problems, excess_problems
from flows.engine.validate_containers import container_problems
from flows.engine.validate_disabled import as_far_as_it_runs, disabled_problems
from flows.engine.validate_references import reference_problems

#: Names that mean something else in expressions.
RESERVED_IDS = frozenset(
    {
        *("run", "vars", "item", "index", "state"),
        *("true", "false", "none", "null", "and", "or", "not", "in", "is", "if", "else"),
        *("elif", "for", "endif", "endfor", "set"),
    }
)


#: Ways on that a message writes out.
_WAYS_NAMED = 10


def validate(
    doc: Document, registry: Registry, *, nodes: Collection[str] | None = None
) -> list[Problem]:
    """The problems of a document, `limited`; errors keep it from being published.

    Nodes of an older version of their type are checked in the form they are migrated to. `nodes`:
    those whose configs and references are looked at (None: all), where only they will run.
    """
    doc, problems = migration(doc, registry)
    graph = Graph(doc)
    suggest = Suggestions()
    problems += duplicate_problems(doc.nodes, doc.edges)
    problems += _input_problems(doc)
    for node in doc.nodes:
        problems += _node_problems(node, registry, suggest)
    problems += _edge_problems(doc, registry, suggest)
    problems += container_problems(doc, graph, registry, suggest)
    problems += _loop_problems(graph)
    too_much = excess_problems(doc)
    problems += too_much
    for node in doc.nodes:
        if not too_much and (nodes is None or node.id in nodes):
            found = config_problems(node, registry, suggest)
            found += reference_problems(node, graph, registry, suggest)
            problems += as_far_as_it_runs(found, node, graph)
    problems += _connection_problems(doc, graph)
    problems += disabled_problems(graph, registry)
    return limited(problems)


def _input_problems(doc: Document) -> list[Problem]:
    inputs = [node for node in doc.nodes if node.type == "input"]
    if not inputs:
        message = "The flow has no input node. Add one: it says what a run is given."
        return [Problem("input_missing", message)]
    return [
        Problem(
            "input_twice",
            f"A flow has one input node, and '{inputs[0].id}' is it. Remove this one and put its "
            "fields there.",
            extra.id,
        )
        for extra in inputs[1:]
    ]


def _node_problems(node: NodeSpec, registry: Registry, suggest: Suggestions) -> list[Problem]:
    problems = []
    if node.id in RESERVED_IDS:
        message = f"'{node.id}' means something else in expressions. Give the node another id."
        problems.append(Problem("reserved_id", message, node.id, "id"))
    node_type = registry.get(node.type)
    if node_type is None:
        hint = suggest(node.type, registry.names())
        message = f"There is no node type '{node.type}'.{hint}"
        problems.append(Problem("unknown_type", message, node.id, "type"))
    elif node.version > node_type.version:
        message = (
            f"This node was made with version {node.version} of '{node.type}', but version "
            f"{node_type.version} is installed here. Update FluxPrompt."
        )
        problems.append(Problem("newer_version", message, node.id, "version"))
    if node_type is not None:
        problems += _timeout_problems(node, node_type)
        problems += _continue_problems(node, node_type)
    return problems


def _timeout_problems(node: NodeSpec, node_type: NodeType) -> list[Problem]:
    """A warning where the attempt ends before what the config asks for can."""
    wanted = seconds_wanted(node, node_type)
    if wanted is None or node.timeout_seconds is None or node.timeout_seconds >= wanted:
        return []
    message = (
        f"The settings of '{node.id}' let its work take {wanted:g} s, but its timeout_seconds ends "
        f"every attempt after {node.timeout_seconds:g} s. Remove it, or set it to "
        f"{wanted + MARGIN_SECONDS:g}."
    )
    return [Problem("timeout_too_short", message, node.id, "timeout_seconds", "warning")]


def _continue_problems(node: NodeSpec, node_type: NodeType) -> list[Problem]:
    """A problem where a run cannot go on behind a failed node, as each way on is a branch."""
    ports = node_type.port_names(node.config)
    if node.on_error != "continue" or not ports or "out" in ports:
        return []
    message = (
        f"'{node.id}' only has ways on by a decision ({', '.join(ports[:8])}), and when it fails "
        "there is none. Set on_error to 'branch' and connect its port 'error', or to 'stop'."
    )
    return [Problem("continue_without_way", message, node.id, "on_error")]


def _edge_problems(doc: Document, registry: Registry, suggest: Suggestions) -> list[Problem]:
    nodes = {node.id: node for node in doc.nodes}
    problems: list[Problem] = []
    for index, edge in enumerate(doc.edges):
        path = f"edges[{index}]"
        for end, other in ((edge.source, edge.target), (edge.target, edge.source)):
            if end not in nodes:
                message = f"An edge names '{end}', which is no node.{suggest(end, nodes)}"
                where = other if other in nodes else None
                problems.append(Problem("unknown_node", message, where, path))
            elif nodes[end].type in INERT_TYPES:
                message = f"'{end}' never runs, so no edge can lead to or from it. Remove the edge."
                problems.append(Problem("edge_to_note", message, end, path))
        if edge.target in nodes and nodes[edge.target].type == "input":
            message = "The input node is where a run starts. Remove the edge that leads to it."
            problems.append(Problem("edge_to_input", message, edge.target, path))
        source = nodes.get(edge.source)
        if source is not None and source.type not in INERT_TYPES:
            problems += _port_problems(source, edge.port, path, registry, suggest)
    return problems


def _port_problems(
    node: NodeSpec, port: str, path: str, registry: Registry, suggest: Suggestions
) -> list[Problem]:
    node_type = registry.get(node.type)
    if node_type is None:
        return []
    ports = list(node_type.port_names(node.config))
    if node.on_error == "branch":
        ports.append("error")
    if port in ports:
        return []
    if port == "error":
        message = f"'{node.id}' has no port 'error' yet. Set its on_error to 'branch'."
    elif not ports:
        message = f"Nothing can follow '{node.id}'. Remove the edge."
    elif port == "out":
        ways = [f"`from: {node.id}.{name}`" for name in ports]
        choice = f"{', '.join(ways[:_WAYS_NAMED])}{', …' if len(ways) > _WAYS_NAMED else ''}"
        message = f"'{node.id}' has more than one way on. Say which in the edge: {choice}."
    else:
        message = f"'{node.id}' has no port '{port}'.{suggest(port, ports)}"
    return [Problem("unknown_port", message, node.id, path)]


def _loop_problems(graph: Graph) -> list[Problem]:
    loop = graph.find_loop()
    if not loop:
        return []
    around = " → ".join((*loop[:8], *(("…",) if len(loop) > 8 else ()), loop[0]))
    message = f"These nodes form a loop, so none of them can start: {around}. Remove one edge."
    return [Problem("loop", message, loop[0])]


def _connection_problems(doc: Document, graph: Graph) -> list[Problem]:
    problems = []
    for node in graph.nodes.values():
        first_inside = graph.holder[node.id] is not None
        if node.type != "input" and not graph.incoming[node.id] and not first_inside:
            message = f"Nothing leads to '{node.id}', so it starts at once. Connect or remove it."
            problems.append(Problem("unconnected", message, node.id, severity="warning"))
        if node.on_error == "branch" and all(e.port != "error" for e in graph.outgoing[node.id]):
            message = f"Nothing follows the port 'error' of '{node.id}': its failures go unseen."
            problems.append(Problem("error_unseen", message, node.id, severity="warning"))
    if all(node.type != "output" or node.disabled for node in doc.nodes):
        message = "The flow has no output node, so its runs give no result. Add one."
        if any(node.type == "output" for node in doc.nodes):
            message = "Every output node is disabled, so runs give no result. Enable one."
        problems.append(Problem("output_missing", message, severity="warning"))
    return problems
