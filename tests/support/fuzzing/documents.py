"""Tries of documents: valid flows of every node type, spoiled a little, much, or as text."""

import copy
import json
from functools import cache
from typing import Any

import yaml

from flows.engine.document import Document, admit, digest, dump, dump_json, dump_yaml, parse
from flows.engine.errors import DocumentInvalid, Problem
from flows.engine.graph import Graph
from flows.engine.layout import layout
from flows.engine.registry import registry
from flows.engine.validate import validate
from fluxprompt.paths import ROOT
from tests.support.fuzzing.chance import Broken, Chance
from tests.support.fuzzing.grammar import Grammar
from tests.support.node_examples import examples, flow_around

JSON = Any
_SEVERITIES = ("error", "warning")


@cache
def sources() -> tuple[str, ...]:
    """Flows without a problem, as JSON: one around each example of the docs, and the gallery's."""
    found = [flow_around(example.node, "durable") for example in examples()]
    for file in sorted((ROOT / "flows" / "examples").glob("*.yaml")):
        found.append(dump(parse(file.read_text())))
    return tuple(json.dumps(document) for document in found)


@cache
def _nodes() -> tuple[str, ...]:
    return tuple(json.dumps(example.node) for example in examples())


def valid(chance: Chance) -> dict[str, JSON]:
    """A flow that validation finds nothing wrong with."""
    document: dict[str, JSON] = json.loads(chance.choice(sources()))
    if chance.hits(0.3):
        document["layout"] = {
            node["id"]: {"x": chance.randrange(-500, 500), "y": chance.choice((0, 0.5, 1e6))}
            for node in document["nodes"]
            if chance.hits(0.5)
        }
    return document


def mutated(chance: Chance) -> tuple[JSON, bool]:
    """(a document as plain data, whether it is still a valid one)."""
    document = valid(chance)
    pick = chance.random()
    if pick < 0.25:
        return document, True
    for _ in range(chance.randrange(3)):
        chance.choice((_more_nodes, _other_wires, _other_texts, _other_place))(chance, document)
    if pick < 0.7:
        return chance.nearly(document), False
    return (chance.spoiled(document, share=0.05) if pick < 0.85 else document), False


def _more_nodes(chance: Chance, document: dict[str, JSON]) -> None:
    """Nodes of other types behind what is there, some of them in a container."""
    parent = None
    if chance.hits(0.3):
        parent = f"box{chance.randrange(3)}"
        kind = chance.choice(("map", "loop"))
        document["nodes"].append({"id": parent, "type": kind, "config": {"items": [1]}})
    for _ in range(chance.randint(1, 4)):
        node = json.loads(chance.choice(_nodes()))
        node["id"] = chance.choice((node["id"], f"n{chance.randrange(9)}"))
        if parent:
            node["parent"] = parent
        document["nodes"].append(node)


def _other_wires(chance: Chance, document: dict[str, JSON]) -> None:
    names = [node["id"] for node in document["nodes"]]
    ports = ("", ".true", ".error", ".default", ".nope", ".approved", ".out")
    for _ in range(chance.randint(1, 3)):
        source = chance.choice(names) + chance.choice(ports)
        document.setdefault("edges", []).append({"from": source, "to": chance.choice(names)})
    if document["edges"] and chance.hits(0.5):
        document["edges"].remove(chance.choice(document["edges"]))


def _other_texts(chance: Chance, document: dict[str, JSON]) -> None:
    """Expressions in place of what a config holds."""
    grammar = Grammar(chance)
    config = chance.choice(document["nodes"]).setdefault("config", {})
    chance.nearly(config, lambda value: grammar.text() if chance.hits(0.7) else grammar.template())


def _other_place(chance: Chance, document: dict[str, JSON]) -> None:
    """What every node may have: a parent, a retry, a policy, a limit of time."""
    node = chance.choice(document["nodes"])
    settings: list[tuple[str, tuple[JSON, ...]]] = [
        ("parent", ("box0", node["id"], "nope")),
        ("retry", ({"max_attempts": 3}, {"if": "{{ error.status == 500 }}"}, {"backoff": 0})),
        ("on_error", ("continue", "branch", "panic")),
        ("timeout_seconds", (1, 0, 0.001, 10**9)),
        ("disabled", (True, "yes")),
        ("version", (1, 2, 99)),
        ("label", ("A label", "x" * 300)),
    ]
    name, choices = chance.choice(settings)
    node[name] = chance.choice(choices)


def made(chance: Chance) -> tuple[JSON, bool]:
    """(what a door is sent: data or text, whether it is a valid flow)."""
    document, is_valid = mutated(chance)
    if not isinstance(document, dict):
        return json.dumps(document), False
    pick = chance.random()
    if pick < 0.5:
        return document, is_valid
    text = json.dumps(document)
    if pick > 0.75:
        # Half a pair of surrogates is nothing that YAML could be written with.
        text = yaml.safe_dump(json.loads(text.replace("\\ud800", "?")), allow_unicode=True)
    if pick > 0.9:
        return chance.cut(text), False
    return text, is_valid


def tried(sent: JSON, is_valid: bool) -> str:
    """`valid`, `problems` or `refused`. Raises Broken; other exceptions are crashes as well."""
    before = copy.deepcopy(sent)
    try:
        document = admit(sent)
    except DocumentInvalid as invalid:
        _check_problems(invalid.problems, None)
        if is_valid:
            raise Broken(f"a valid flow is refused: {invalid.problems[0].message}") from invalid
        return "refused"
    if repr(sent) != repr(before):
        raise Broken("what was sent was changed by reading it")
    _check_fixed(document)
    problems = validate(document, registry())
    _check_problems(problems, document)
    _check_views(document)
    if any(problem.severity == "error" for problem in problems):
        if is_valid:
            raise Broken(f"a valid flow has a problem: {problems[0]}")
        return "problems"
    return "valid"


def _check_fixed(document: Document) -> None:
    """What was read is written, and read as the same again."""
    as_json, as_yaml = dump_json(document), dump_yaml(document)
    for text in (as_json, as_yaml):
        again = parse(text)
        if dump_json(again) != as_json:
            raise Broken("another document after writing and reading it")
        if digest(again) != digest(document):
            raise Broken("another digest after writing and reading it")


def _check_problems(problems: list[Problem], document: Document | None) -> None:
    names = None if document is None else {node.id for node in document.nodes}
    for problem in problems:
        if not problem.code or not problem.message.strip() or problem.severity not in _SEVERITIES:
            raise Broken(f"a problem without words: {problem}")
        if names is not None and problem.node is not None and problem.node not in names:
            raise Broken(f"a problem of a node that is not there: {problem}")
        placed = problem.code.startswith(("config_", "expression_"))
        if names is not None and placed and problem.node is None:
            raise Broken(f"a problem without its node: {problem}")
        json.dumps(problem.as_dict(), ensure_ascii=False).encode()


def _check_views(document: Document) -> None:
    """What editors ask of any draft, however wrong it is."""
    Graph(document)
    if set(layout(document)) != {node.id for node in document.nodes}:
        raise Broken("a node without a place")
