"""Disabled nodes: not run, and the flow goes on behind them by their first port."""

from flows.engine.document import NodeSpec
from flows.engine.registry import registry


def passing_ports(node: NodeSpec) -> tuple[str, ...]:
    """The port by which the flow goes on behind a disabled node: the first of its type.

    That is `out` for most, `true` for an if, the first case of a switch, `approved` for an
    approval; there is none behind a stop, which nothing can follow.
    """
    node_type = registry().get(node.type)
    return ("out",) if node_type is None else node_type.port_names(node.config)[:1]
