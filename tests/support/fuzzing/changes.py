"""Tries of the editor's operations on a draft, and of what the engine makes of two drafts."""

import copy
import json
from typing import Any

from flows.engine.difference import difference, has_loose_ends
from flows.engine.document import Document, dump, parse
from flows.engine.errors import DocumentInvalid
from flows.engine.graph import Graph
from flows.engine.operations import NODE_KEYS, OperationInvalid, parse_operations
from flows.engine.part_of import NoSuchNode, part_of
from flows.engine.patch import Draft, apply
from flows.engine.registry import registry
from flows.engine.rename import NameHidden, reference_changes
from flows.engine.validate import validate
from tests.support.fuzzing.chance import Broken, Chance
from tests.support.fuzzing.documents import mutated, valid
from tests.support.fuzzing.grammar import Grammar

JSON = Any


def operations(chance: Chance, document: dict[str, JSON]) -> list[dict[str, JSON]]:
    """What an editor might send for this draft, most of it possible."""
    return [_operation(chance, document) for _ in range(chance.randint(1, 5))]


def _operation(chance: Chance, document: dict[str, JSON]) -> dict[str, JSON]:
    names = [node["id"] for node in document["nodes"]]
    name = chance.choice(names) if chance.hits(0.9) else chance.choice(("gone", "", "run", "ß"))
    edges = document.get("edges") or [{"from": name, "to": name}]
    edge = chance.choice(edges) if chance.hits(0.7) else {"from": name, "to": chance.choice(names)}
    node = {"id": f"n{chance.randrange(9)}", "type": "template", "config": {"template": "x"}}
    place = chance.choice((None, {"x": 1, "y": 2.5}, {"x": 0, "y": 0, "width": 90, "height": 90}))
    made: list[dict[str, JSON]] = [
        {"op": "add_node", "node": node, "place": place},
        {"op": "add_node", "node": {**node, "parent": name}, "at": chance.randrange(4)},
        {"op": "remove_node", "node": name},
        {"op": "place", "node": name, "place": place},
        {"op": "pin", "node": name, "value": chance.choice((None, {"text": "x"}))},
        {"op": "add_edge", "edge": {"from": name, "to": chance.choice(names)}},
        {"op": "remove_edge", "edge": edge},
        {"op": "rename_node", "node": name, "to": chance.choice(("other", name, names[0]))},
        {"op": "set_flow", "path": ["name"], "value": "Other"},
        {"op": "set_flow", "path": ["settings", "timeout_seconds"], "value": 5},
        _set(chance, name),
    ]
    return chance.choice((*made, made[-1], made[-1]))


def _set(chance: Chance, name: str) -> dict[str, JSON]:
    path = [chance.choice(NODE_KEYS)]
    if path[0] in ("config", "retry"):
        path += chance.some(("prompt", "value", "template", "a", "if", "max_attempts", ""), 2)
    grammar = Grammar(chance)
    values: tuple[JSON, ...] = (
        1,
        "x",
        None,
        True,
        {},
        {"a": 1},
        [],
        grammar.text(),
        "branch",
        "start",
    )
    op: dict[str, JSON] = {"op": "set", "node": name, "path": path}
    return {**op, "value": chance.choice(values)} if chance.hits(0.8) else op


def made(chance: Chance) -> tuple[dict[str, JSON], JSON, dict[str, JSON]]:
    """(a draft's document, operations as they come in, another draft)."""
    document = valid(chance)
    ops: JSON = copy.deepcopy(operations(chance, document))
    if chance.hits(0.2):
        ops = chance.nearly(ops) if chance.hits(0.7) else chance.spoiled(ops)
    other, _ = mutated(chance)
    return document, ops, other if isinstance(other, dict) else {}


def tried(document: dict[str, JSON], sent: JSON, other: dict[str, JSON]) -> str:
    """`applied`, `conflicts` or `refused`. Raises Broken; other exceptions crash as well."""
    before = dump(parse(document))
    _check_other(before, other)
    try:
        ops = parse_operations(sent)
    except OperationInvalid as invalid:
        if not invalid.message or not invalid.path:
            raise Broken("a refusal without words") from invalid
        return "refused"
    draft = Draft.of(copy.deepcopy(before))
    original = json.dumps(draft.document(), sort_keys=True)
    patched = apply(draft, ops)
    for conflict in patched.conflicts:
        if not conflict["message"] or conflict["code"] not in _CODES:
            raise Broken(f"a conflict without words: {conflict}")
    _check_document(draft.document())
    back = apply(draft, patched.inverse)
    if back.conflicts or json.dumps(draft.document(), sort_keys=True) != original:
        raise Broken(f"what takes it back does not: {back.conflicts or draft.document()!r:.200}")
    return "conflicts" if patched.conflicts else "applied"


_CODES = ("id_taken", "invalid", "node_gone", "edge_exists", "edge_gone")


def _check_document(data: dict[str, JSON]) -> None:
    """Read or refused; what is read can be judged, cut down and renamed."""
    try:
        document = parse(data)
    except DocumentInvalid:
        return
    validate(document, registry())
    _check_parts(document)


def _check_parts(document: Document) -> None:
    entries = {node["id"]: node for node in dump(document)["nodes"]}
    for node in document.nodes[:3]:
        for cut in ({"until": node.id}, {"only": node.id}):
            try:
                Graph(part_of(document, **cut))
            except NoSuchNode:
                continue
        try:
            ops = reference_changes(entries, node.id, "renamed", registry())
        except NameHidden:
            continue
        apply(Draft.of(dump(document)), ops)


def _check_other(before: dict[str, JSON], other: dict[str, JSON]) -> None:
    """The difference between two drafts, applied to the one, makes the other."""
    try:
        after = dump(parse(other))
    except DocumentInvalid:
        return
    if has_loose_ends(after):
        return
    draft = Draft.of(copy.deepcopy(before))
    patched = apply(draft, difference(before, after))
    wanted = Draft.of(after).document()
    if patched.conflicts or json.dumps(draft.document(), sort_keys=True) != json.dumps(
        wanted, sort_keys=True
    ):
        raise Broken(f"the difference makes another draft: {patched.conflicts!r:.300}")
