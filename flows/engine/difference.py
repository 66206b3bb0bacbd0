"""The operations that turn one document into another, for whoever follows a draft step by step."""

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from flows.engine.json_values import same
from flows.engine.operations import FLOW_KEYS, MAX_KEY, MAX_PATH, NODE_KEYS, Op, ends_of
from flows.engine.patch import Draft, EdgeKey, Entry

JSON = Any


def difference(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> list[Op]:
    """What makes `new` of `old`; both as `dump` writes them. Nothing where they are the same.

    It cannot be applied to the end where `new` has loose ends.
    Nodes and edges that only stand elsewhere in the order are taken out and put back there.
    """
    before, after = Draft.of(old), Draft.of(new)
    leaving = set(before.nodes) - _kept(list(before.nodes), list(after.nodes))
    ops = list(_edges_removed(before, after, leaving))
    kept = {key: entry for key, entry in before.nodes.items() if key not in leaving}
    for key, entry in kept.items():
        if entry.get("parent") in leaving:
            ops.append({"op": "set", "node": key, "path": ["parent"]})
            kept[key] = {name: value for name, value in entry.items() if name != "parent"}
    ops += [{"op": "remove_node", "node": key} for key in _inner_first(before.nodes, leaving)]
    ops += _nodes_added(kept, after)
    for key, entry in kept.items():
        for change in _set(entry, after.nodes[key], NODE_KEYS):
            ops.append({"op": "set", "node": key, **change})
        place = after.places.get(key)
        if before.places.get(key) != place:
            ops.append({"op": "place", "node": key, "place": place})
    ops += _edges_added(before, after, leaving)
    ops += [{"op": "set_flow", **change} for change in _set(before.head, after.head, FLOW_KEYS)]
    return ops


def has_loose_ends(document: Mapping[str, JSON]) -> bool:
    """Whether an edge names a node that is not there: a document may hold it, no operation makes
    it.
    """
    nodes = {node["id"] for node in document["nodes"]}
    ends = (ends_of(edge) for edge in document.get("edges", ()))
    return any(source not in nodes or target not in nodes for source, _, target in ends)


def _kept[K: Hashable](old: Sequence[K], new: Sequence[K]) -> set[K]:
    """The most that stands in the same order in both: a longest increasing subsequence."""
    place = {key: index for index, key in enumerate(old)}
    common = [key for key in new if key in place]
    ends: list[int] = []  # smallest last place of an increasing sequence of each length
    holders: list[K] = []
    before: dict[K, K | None] = {}
    for key in common:
        length = bisect_left(ends, place[key])
        before[key] = holders[length - 1] if length else None
        ends[length : length + 1] = [place[key]]
        holders[length : length + 1] = [key]
    kept: set[K] = set()
    at = holders[-1] if holders else None
    while at is not None:
        kept.add(at)
        at = before[at]
    return kept


def _edges_kept(before: Draft, after: Draft, leaving: set[str]) -> set[EdgeKey]:
    staying = [
        edge
        for edge in before.edges
        if edge[0].partition(".")[0] not in leaving and edge[1] not in leaving
    ]
    return _kept(staying, list(after.edges))


def _edges_removed(before: Draft, after: Draft, leaving: set[str]) -> Iterator[Op]:
    kept = _edges_kept(before, after, leaving)
    for source, target in before.edges:
        if (source, target) not in kept:
            yield {"op": "remove_edge", "edge": {"from": source, "to": target}}


def _edges_added(before: Draft, after: Draft, leaving: set[str]) -> Iterator[Op]:
    kept = _edges_kept(before, after, leaving)
    new = [edge for edge in after.edges if edge not in kept]
    for edge, at in _places_of(list(after.edges), kept, new):
        yield {"op": "add_edge", "edge": {"from": edge[0], "to": edge[1]}, **at}


def _nodes_added(kept: Mapping[str, Entry], after: Draft) -> Iterator[Op]:
    new = {key for key in after.nodes if key not in kept}
    outer_first = [*reversed(list(_inner_first(after.nodes, new)))]
    for key, at in _places_of(list(after.nodes), set(kept), outer_first):
        yield {
            "op": "add_node",
            "node": after.nodes[key],
            "place": after.places.get(key),
            **at,
        }


def _places_of[K: Hashable](
    order: Sequence[K], present: set[K], new: Sequence[K]
) -> Iterator[tuple[K, dict[str, int]]]:
    """For each of `new`, put in one after another, `at` where it is not to be the last."""
    rank = {key: index for index, key in enumerate(order)}
    ranks = sorted(rank[key] for key in present)
    for key in new:
        index = bisect_left(ranks, rank[key])
        yield key, {} if index == len(ranks) else {"at": index}
        insort(ranks, rank[key])


def _inner_first(nodes: Mapping[str, Entry], chosen: set[str]) -> Iterator[str]:
    """The chosen nodes, what is inside others before these; else last to first."""

    def depth(key: str) -> int:
        seen: set[str] = set()
        parent: str | None = key
        while parent is not None and parent in nodes and parent not in seen:
            seen.add(parent)
            parent = nodes[parent].get("parent")
        return len(seen)

    last_first = [key for key in reversed(list(nodes)) if key in chosen]
    yield from sorted(last_first, key=depth, reverse=True)


def _set(old: Entry, new: Entry, keys: Sequence[str]) -> Iterator[Op]:
    for key in keys:
        yield from _changes(old, new, key, [])


def _changes(old: Entry, new: Entry, key: str, above: list[str]) -> Iterator[Op]:
    """Path and value of what differs at a key; objects are gone into, lists are not."""
    path = [*above, key]
    if key not in new:
        if key in old:
            yield {"path": path}
        return
    one, other = old.get(key), new[key]
    if key in old and same(one, other):
        return
    if isinstance(one, dict) and isinstance(other, dict) and _may_go_into(path, one, other):
        for name in dict.fromkeys([*one, *other]):
            yield from _changes(one, other, name, path)
    else:
        yield {"path": path, "value": other}


def _may_go_into(path: list[str], one: Entry, other: Entry) -> bool:
    return len(path) < MAX_PATH and all(len(name) <= MAX_KEY for name in (*one, *other))


def touches(op: Op) -> tuple[str, ...]:
    """The nodes that an operation names."""
    if op["op"] == "add_node":
        return (op["node"]["id"],)
    if "edge" in op:
        source, _, target = ends_of(op["edge"])
        return source, target
    return tuple(op[key] for key in ("node", "to") if key in op)
