"""Outputs that a person gave for nodes: by which ports a run leaves such a node."""

from collections.abc import Mapping
from typing import Any

from flows.engine.document import NodeSpec
from flows.engine.registry import registry

JSON = Any


def ports_of_given(node: NodeSpec, output: Mapping[str, JSON]) -> tuple[str, ...]:
    """The live ports of a node whose output is given: what it would have left by with it.

    An output that only says `error` leaves by the port of that name, where the node has it. Where
    the output of a decision does not tell the way, it is the first.
    """
    node_type = registry().get(node.type)
    if node.on_error == "branch" and set(output) == {"error"}:
        return ("error",)
    if node_type is None:
        return ("out",)
    names = node_type.port_names(node.config)
    port = None if node_type.port_of is None else node_type.port_of(output)
    return (port,) if port in names else names[:1]
