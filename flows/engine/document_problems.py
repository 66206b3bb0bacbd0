"""Turn what is wrong with a raw document into problems that name the node and say what to do."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from pydantic import ValidationError

from flows.engine.errors import Problem
from flows.engine.names import Suggestions

_EDGE_END = re.compile(r"^([a-z][a-z0-9_]{0,62})(?:\.([a-z][a-z0-9_]{0,62}))?$")
#: What people call the port of an edge, which has no key of its own.
_PORT_KEYS = ("port", "from_port", "source_port")
_NAME_HELP = "Names start with a letter and hold only a-z, 0-9 and _ (at most 63 characters)."


class _Node(Protocol):
    @property
    def id(self) -> str: ...


class _Edge(Protocol):
    @property
    def source(self) -> str: ...
    @property
    def port(self) -> str: ...
    @property
    def target(self) -> str: ...


def edge_from(raw: Any, index: int, problems: list[Problem]) -> dict[str, str] | None:
    """The edge's parts from `{from: "node.port", to: "node"}`; None when a problem was added."""
    path = f"edges[{index}]"
    if not isinstance(raw, dict) or not {"from", "to"} <= raw.keys():
        message = "An edge has to be {from: node or node.port, to: node}."
        problems.append(Problem("edge_shape", message, path=path))
        return None
    for key in raw.keys() - {"from", "to"}:
        message = f"Unknown key '{str(key)[:80]}' on an edge; {_instead(raw, key)}."
        problems.append(Problem("unknown_key", message, path=f"{path}.{str(key)[:80]}"))
    source = _EDGE_END.match(raw["from"]) if isinstance(raw["from"], str) else None
    target = _EDGE_END.match(raw["to"]) if isinstance(raw["to"], str) else None
    if source is None:
        message = f"'from' has to name a node or node.port. {_NAME_HELP}"
        problems.append(Problem("edge_shape", message, path=f"{path}.from"))
    if target is None or target[2] is not None:
        message = f"'to' has to name a node, without a port. {_NAME_HELP}"
        problems.append(Problem("edge_shape", message, path=f"{path}.to"))
    if source is None or target is None or target[2] is not None:
        return None
    return {"source": source[1], "port": source[2] or "out", "target": target[1]}


def _instead(raw: dict[str, Any], key: Any) -> str:
    """What to do about a key that an edge does not have; a port is part of `from`."""
    if key not in _PORT_KEYS:
        return "remove it"
    # Ports may be called true and false, which YAML takes for booleans.
    port = str(raw[key]).lower() if isinstance(raw[key], bool) else raw[key]
    written = f"{raw['from']}.{port}"
    return f"write `from: {written}`" if _EDGE_END.match(written) else "remove it"


def unknown_key_problems(
    data: dict[str, Any], top: tuple[str, ...], parts: Mapping[str, tuple[str, ...]]
) -> list[Problem]:
    """A problem for each key that the document format does not know, with the nearest name."""
    suggest = Suggestions()
    problems = _unknown(data, top, "the document", None, "", suggest)
    settings = data.get("settings")
    if isinstance(settings, dict):
        problems += _unknown(settings, parts["settings"], "settings", None, "settings.", suggest)
    nodes = data.get("nodes")
    for index, node in enumerate(nodes if isinstance(nodes, list) else []):
        if not isinstance(node, dict):
            continue
        name = node.get("id") if isinstance(node.get("id"), str) else None
        where = f"node '{name}'" if name else f"nodes[{index}]"
        prefix = "" if name else f"nodes[{index}]."
        problems += _unknown(node, parts["node"], where, name, prefix, suggest)
        if isinstance(retry := node.get("retry"), dict):
            where = f"retry of {where}"
            problems += _unknown(retry, parts["retry"], where, name, "retry.", suggest)
    return problems


def _unknown(
    raw: dict[str, Any],
    known: tuple[str, ...],
    where: str,
    node: str | None,
    prefix: str,
    suggest: Suggestions,
) -> list[Problem]:
    return [
        Problem(
            "unknown_key",
            f"Unknown key '{str(key)[:80]}' in {where}.{suggest(str(key), known)}",
            node=node,
            path=f"{prefix}{str(key)[:80]}",
        )
        for key in raw
        if key not in known
    ]


def problems_of(error: ValidationError, data: dict[str, Any]) -> list[Problem]:
    """Problems from pydantic's findings; keys it does not know are reported elsewhere."""
    problems = []
    for finding in error.errors(include_url=False, include_input=False):
        if finding["type"] == "extra_forbidden":
            continue
        node, path = place(finding["loc"], data)
        problems.append(Problem("document_shape", _sentence(finding, node, path), node, path))
    return problems


def place(loc: tuple[int | str, ...], data: dict[str, Any]) -> tuple[str | None, str]:
    """The node that a location in a raw document is in, and the path from there."""
    if len(loc) >= 2 and loc[0] == "nodes" and isinstance(loc[1], int):
        nodes = data.get("nodes")
        raw = nodes[loc[1]] if isinstance(nodes, list) and loc[1] < len(nodes) else None
        name = raw.get("id") if isinstance(raw, dict) else None
        if isinstance(name, str) and len(loc) > 2:
            return name, dotted(loc[2:])
    return None, dotted(loc)


def dotted(loc: Iterable[int | str]) -> str:
    """A location as people write it: `fields[0].name`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def named(node: str | None, path: str) -> str:
    """A place as the start of a sentence."""
    return f"'{path}' of node '{node}'" if node else f"'{path}'"


def _sentence(finding: Any, node: str | None, path: str) -> str:
    where = named(node, path)
    kind = finding["type"]
    if kind == "missing":
        return f"{where} is missing; add it."
    if kind == "string_pattern_mismatch" and path.rsplit(".", 1)[-1] in {"id", "type", "parent"}:
        return f"{where} is not a usable name. {_NAME_HELP}"
    if path == "settings.budget":
        return (
            f'{where} has to be an amount in US dollars such as "5.00": up to nine digits, and up '
            "to six after the point."
        )
    if kind == "value_error":
        return f"{where}: {finding['ctx']['error']}."
    message = finding["msg"].removeprefix("Input should be ").removeprefix("Input should have ")
    if message != finding["msg"]:
        return f"{where} should be {message}; change it."
    return f"{where}: {message}; change it."


def duplicate_problems(nodes: Iterable[_Node], edges: Iterable[_Edge]) -> list[Problem]:
    """Ids and edges that occur twice: nothing that stores a flow could keep them apart."""
    problems: list[Problem] = []
    ids: set[str] = set()
    for node in nodes:
        if node.id in ids:
            message = f"Two nodes have the id '{node.id}'. Give one of them another id."
            problems.append(Problem("duplicate_id", message, node.id, "id"))
        ids.add(node.id)
    seen: set[tuple[str, str, str]] = set()
    for index, edge in enumerate(edges):
        key = (edge.source, edge.port, edge.target)
        if key in seen:
            message = (
                f"There are two edges from {edge.source}.{edge.port} to {edge.target}. Remove one."
            )
            problems.append(Problem("duplicate_edge", message, edge.target, f"edges[{index}]"))
        seen.add(key)
    return problems
