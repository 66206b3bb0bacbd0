"""Check what expressions refer to: a node that ran before, and a field that it gives."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from flows.engine.attempts import ERROR_FIELDS, RETRY_IF
from flows.engine.document import NodeSpec
from flows.engine.errors import Problem
from flows.engine.expressions import ExpressionError, Reference, mentions_in, texts_in
from flows.engine.graph import INERT_TYPES, Graph
from flows.engine.names import Suggestions
from flows.engine.node_call import mode_of, own_names
from flows.engine.registry import Registry

NAMES_INSIDE = ("item", "index", "state")
RUN_FIELDS = ("id", "started_at", "session_id", "trigger", "flow")


def reference_problems(
    node: NodeSpec, graph: Graph, registry: Registry, suggest: Suggestions
) -> list[Problem]:
    """Problems of one node's references, each reported once for each place."""
    if node.type in INERT_TYPES:
        return []
    problems: dict[Problem, None] = {}
    # A name is often mentioned again; then it is the same problem.
    for reference in dict.fromkeys(node_references(node, registry)):
        problem = _problem(node, reference, graph, registry, suggest)
        if problem is not None:
            problems[problem] = None
    return list(problems)


def node_references(node: NodeSpec, registry: Registry) -> Iterator[Reference]:
    """What a node's config mentions; texts that cannot be parsed are reported elsewhere."""
    node_type = registry.get(node.type)
    if node_type is None:
        return
    for field, value in node.config.items():
        mode = mode_of(node_type, field)
        if mode == "never":
            continue
        for location, text in texts_in(value, field):
            try:
                mentions = mentions_in(text, template=mode == "template" and location == field)
            except ExpressionError:
                continue
            for mention in mentions:
                yield Reference(mention.root, mention.path, location, mention.guarded)
    if node.retry is not None and node.retry.condition is not None:
        with suppress(ExpressionError):
            for mention in mentions_in(node.retry.condition):
                yield Reference(mention.root, mention.path, RETRY_IF, mention.guarded)


def _problem(
    node: NodeSpec,
    reference: Reference,
    graph: Graph,
    registry: Registry,
    suggest: Suggestions,
) -> Problem | None:
    root, where = reference.root, reference.location
    own = _own_names(node, reference, registry)
    if root == "vars" or root in own:
        return None
    if root in NAMES_INSIDE:
        return _inner_problem(node, reference, graph, registry)
    if root == "run":
        return _field_problem(node, reference, "run", dict.fromkeys(RUN_FIELDS, "any"), suggest)
    if root == "error" and where == RETRY_IF:
        return _field_problem(node, reference, root, dict.fromkeys(ERROR_FIELDS, "any"), suggest)
    if root not in graph.nodes:
        hint = suggest(root, (*own, *_names_for(node, graph)))
        message = f"'{where}': there is no node '{root}'.{hint}"
        return Problem("unknown_reference", message, node.id, where)
    if node.id in graph.looped:
        return None  # the loop itself is the problem to solve first
    if root in _around(node, reference, graph, registry) and _is_container(root, graph, registry):
        return _field_problem(node, reference, root, names_inside(root, graph), suggest)
    if not _may_read(node, reference, graph, registry):
        if (holder := graph.holder[root]) is not None and holder not in graph.holders(node.id):
            message = (
                f"'{where}' uses '{root}', which runs inside '{holder}'. Out here, read what "
                f"'{holder}' gives."
            )
            return Problem("reference_inside", message, node.id, where)
        what = "itself" if root == node.id else f"'{root}'"
        message = (
            f"'{where}' uses {what}, which cannot have run before '{node.id}'. Connect '{root}' so "
            "that it comes first, or use another node."
        )
        if root == node.id:
            message = f"'{where}' uses the output of its own node. Use a node that ran before."
        return Problem("reference_not_before", message, node.id, where)
    source = graph.nodes[root]
    if source.disabled and not reference.guarded and not graph.is_disabled(node.id):
        message = f"'{where}' reads as null because '{root}' is disabled. Enable it, or remove it."
        return Problem("reference_disabled", message, node.id, where, "warning")
    node_type = registry.get(source.type)
    fields = node_type.output_fields(source.config) if node_type is not None else None
    if fields is None:
        return None
    if source.on_error == "branch":
        fields = {**fields, "error": "object"}
    return _field_problem(node, reference, root, fields, suggest) or _schema_problem(
        node, reference, source.config, suggest
    )


def _names_for(node: NodeSpec, graph: Graph) -> Iterator[str]:
    yield from graph.ancestors(node.id)
    for holder in graph.holders(node.id):
        yield from graph.ancestors(holder)
        yield from names_inside(holder, graph)
    yield from ("run", "vars")


def names_inside(container: str, graph: Graph) -> dict[str, str]:
    """The names that hold in a container, with the kind of each."""
    if graph.nodes[container].type == "loop":
        return {"state": "object", "index": "number"}
    return {"item": "any", "index": "number"}


def _field(reference: Reference) -> str:
    return re.split(r"[.\[]", reference.location, maxsplit=1)[0]


def _own_names(node: NodeSpec, reference: Reference, registry: Registry) -> Mapping[str, str]:
    """The names that hold in the field of a reference alone."""
    node_type = registry.get(node.type)
    return {} if node_type is None else own_names(node_type, _field(reference)) or {}


def _is_inside(node: NodeSpec, reference: Reference, registry: Registry) -> bool:
    """Whether a reference is evaluated inside the node itself, for an item or an iteration."""
    node_type = registry.get(node.type)
    if node_type is None or own_names(node_type, _field(reference)) is not None:
        return False
    return mode_of(node_type, _field(reference)) == "inside"


def _is_container(name: str, graph: Graph, registry: Registry) -> bool:
    node_type = registry.get(graph.nodes[name].type)
    return node_type is not None and node_type.control is not None


def _around(node: NodeSpec, reference: Reference, graph: Graph, registry: Registry) -> list[str]:
    """The containers that a reference stands in, innermost first."""
    own = [node.id] if _is_inside(node, reference, registry) else []
    return [*own, *graph.holders(node.id)]


def _may_read(node: NodeSpec, reference: Reference, graph: Graph, registry: Registry) -> bool:
    if graph.can_read(reference.root, node.id):
        return True
    child = graph.holder[reference.root] == node.id and reference.location != "while"
    return child and _is_inside(node, reference, registry)


def _inner_problem(
    node: NodeSpec, reference: Reference, graph: Graph, registry: Registry
) -> Problem | None:
    """A problem where item, index or state is named outside of a container that has it."""
    root, where = reference.root, reference.location
    around = _around(node, reference, graph, registry)
    if any(root in names_inside(container, graph) for container in around):
        return None
    kind = {"item": "a map", "state": "a loop"}.get(root, "a map or a loop")
    message = f"'{where}' uses '{root}', which only exists inside {kind}."
    return Problem("unknown_reference", message, node.id, where)


def _field_problem(
    node: NodeSpec,
    reference: Reference,
    root: str,
    fields: Mapping[str, str],
    suggest: Suggestions,
) -> Problem | None:
    if not reference.path or reference.guarded or reference.path[0] in fields:
        return None
    name = str(reference.path[0])
    message = f"'{reference.location}': '{root}' has no '{name}'.{suggest(name, fields)}"
    return Problem("unknown_field", message, node.id, reference.location)


def _schema_problem(
    node: NodeSpec, reference: Reference, config: Mapping[str, Any], suggest: Suggestions
) -> Problem | None:
    """A warning where an answer's schema does not promise the key that is read."""
    schema = config.get("output_schema")
    if len(reference.path) < 2 or reference.path[0] != "json" or reference.guarded:
        return None
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not properties:
        return None
    name = str(reference.path[1])
    if name in properties:
        return None
    match = suggest.nearest(name, (str(key) for key in properties))
    hint = f" Did you mean '{match}'?" if match else " Add it to the schema."
    message = f"'{reference.location}': the schema of '{reference.root}' has no '{name}'.{hint}"
    return Problem("unknown_field", message, node.id, reference.location, "warning")
