"""Check disabled nodes: what cannot be one, and what their absence means for the flow."""

from collections.abc import Iterator
from dataclasses import replace

from flows.engine.document import NodeSpec
from flows.engine.errors import Problem
from flows.engine.graph import INERT_TYPES, Graph
from flows.engine.registry import Registry


def disabled_problems(graph: Graph, registry: Registry) -> Iterator[Problem]:
    """An error for a disabled input; a warning where a decision is made by being left out."""
    for node in graph.nodes.values():
        if not node.disabled:
            continue
        if node.type == "input":
            message = (
                "The input node says what a run is given, so it cannot be disabled. Enable it."
            )
            yield Problem("input_disabled", message, node.id, "disabled")
        node_type = registry.get(node.type)
        ports = () if node_type is None else node_type.port_names(node.config)
        if len(ports) > 1:
            message = f"'{node.id}' is disabled, so every run goes on by its port '{ports[0]}'."
            yield Problem("disabled_decision", message, node.id, "disabled", "warning")


def as_far_as_it_runs(problems: list[Problem], node: NodeSpec, graph: Graph) -> list[Problem]:
    """Problems of a node's config and references; of one that does not run, as warnings."""
    if node.type in INERT_TYPES or not graph.is_disabled(node.id):
        return problems
    return [replace(problem, severity="warning") for problem in problems]
