"""Brings nodes that were saved with an older version of their type into the form of today.

What is stored never changes: a document is migrated when it is read to be shown, checked or run.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from flows.engine.document import Document, NodeSpec, dump, parse
from flows.engine.document_values import checked
from flows.engine.errors import DocumentInvalid, Problem
from flows.engine.node_type import NodeType
from flows.engine.registry import Registry

JSON = Any


def migrated(document: Document, registry: Registry) -> Document:
    """The document with every node in the form of its type's version here.

    Itself where nothing is older. A node whose migration fails, or whose type is newer or not
    here, stays as it is; `migration` and validation tell of it.
    """
    return migration(document, registry)[0]


def migration(document: Document, registry: Registry) -> tuple[Document, list[Problem]]:
    """As `migrated`, with a problem `migration_failed` for each node that cannot be migrated."""
    if not any(_is_older(node.type, node.version, registry) for node in document.nodes):
        return document, []
    problems: list[Problem] = []
    nodes = [_migrated_node(node, registry, problems) for node in document.nodes]
    return document.model_copy(update={"nodes": nodes}), problems


def migrated_data(data: Mapping[str, JSON], registry: Registry) -> dict[str, JSON]:
    """As `migrated`, of a stored document as plain data; read whole only where a node is older."""
    nodes = data.get("nodes") or ()
    if not any(_is_older(node["type"], node.get("version", 1), registry) for node in nodes):
        return dict(data)
    return dump(migrated(parse(dict(data)), registry))


def _is_older(type: str, version: int, registry: Registry) -> bool:
    node_type = registry.get(type)
    return node_type is not None and version < node_type.version


def _migrated_node(node: NodeSpec, registry: Registry, problems: list[Problem]) -> NodeSpec:
    node_type = registry.get(node.type)
    if node_type is None or node.version >= node_type.version:
        return node
    try:
        config = _migrated_config(node, node_type)
    except Exception as error:  # a node type's own code; whatever it raises is told of the node
        why = error.problems[0].message if isinstance(error, DocumentInvalid) else str(error)
        problems.append(_failed(node, node_type, why or type(error).__name__))
        return node
    return node.model_copy(update={"version": node_type.version, "config": config})


def _migrated_config(node: NodeSpec, node_type: NodeType) -> dict[str, JSON]:
    """The config for the type's version. Raises whatever the type's `migrate` does."""
    if node_type.migrate is None:
        return node.config
    # A copy: a migration may well change in place what it is given.
    config = node_type.migrate(node.version, deepcopy(node.config))
    if not isinstance(config, dict):
        raise TypeError(f"it gave {type(config).__name__} in place of a config")
    return checked(config)


def _failed(node: NodeSpec, node_type: NodeType, why: str) -> Problem:
    message = (
        f"'{node.id}' was made with version {node.version} of '{node.type}', and could not be "
        f"brought to version {node_type.version}, which is installed here: {why.rstrip('.')}. "
        "Replace the node by a new one, or repair the node type."
    )
    return Problem("migration_failed", message, node.id, "version")
