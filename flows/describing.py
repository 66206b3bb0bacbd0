"""Flows from words: what a model is told to draft one, and how its answer is read.

The model is asked for a whole document, which is parsed and checked like any other that comes from
outside; nothing of it runs before somebody has looked at it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flows.engine.document import SCHEMA, Document, admit, dump
from flows.engine.errors import DocumentInvalid, Problem
from flows.engine.expressions.filters import FILTERS
from flows.engine.migrate import migrated
from flows.engine.model_answer import AnswerUnreadable, json_of
from flows.engine.node_type import NodeType
from flows.engine.registry import registry
from flows.engine.validate import validate

JSON = Any
#: Characters of a wish.
MOST_WISHED = 4_000
#: Characters of the present draft, and of an answer that is to be repaired, that a model is shown.
MOST_SHOWN = 60_000
#: Problems of an answer that a model is told of.
MOST_PROBLEMS = 20

_RULES = f"""\
You write flows for FluxPrompt. Answer with ONE flow document as JSON and nothing else.

The document: {{"schema": "{SCHEMA}", "name": text, "description": text, "nodes": [...],
"edges": [...]}}. No "layout".
A node: {{"id": name, "type": one of the types below, "label": what people read, "config": {{...}}}}
and where needed "parent" (id of the map or loop that it is inside of), "on_error" (stop, continue
or branch, which adds the port "error"), "retry" {{"max_attempts": n}}, "timeout_seconds".
Ids match [a-z][a-z0-9_]*, are unique, and are the names in expressions.
An edge: {{"from": "id" or "id.port", "to": "id"}}. The default port is "out" and is not written.
A node starts when all nodes before it have ended. Edges make no circles and never cross the wall
of a map or loop: what is inside is joined by edges among itself only.
Exactly one node has the type "input"; it is the first. What the flow gives is in "output" nodes.

Expressions stand in {{{{ }}}} inside the texts of a config: {{{{ id.field }}}} reads an output of
a node before. A text that is one expression keeps the value's type. Inside a map: item, index;
inside a loop: state, index. Also: run, vars. Filters: {{filters}}.
There is no other code: no function calls, no methods.

Use a language model only for what needs one; prefer few nodes and clear labels. Leave "model"
empty, so that the workspace's own is taken. Never invent addresses, keys or credentials: where one
is needed, let the input ask for it and say so in the description.
"""


class NoFlow(Exception):
    """The answer holds no document that can be read; the text says why."""


@dataclass(frozen=True)
class Question:
    """What a model is asked: the system text and the prompt."""

    system: str
    prompt: str


@dataclass(frozen=True)
class Drafted:
    """A document as a model wrote it, with what validation says of it."""

    document: Document
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity == "error"]


def question(wish: str, current: Document | None = None) -> Question:
    """Ask for a flow that does what the wish says; `current` is the one to be changed by it."""
    parts = [f"What is wanted:\n{wish[:MOST_WISHED]}"]
    if current is not None and current.nodes:
        parts.append(
            "This is the flow as it is. Change it so that it does what is wanted, keep the ids of "
            f"nodes that stay, and answer with the whole document:\n{_shown(current)}"
        )
    return Question(_system(), "\n\n".join(parts))


def question_again(asked: Question, answer: str, complaints: Iterable[str]) -> Question:
    """Ask for the same once more, with what was wrong about the first answer."""
    listed = "\n".join(f"- {complaint}" for complaint in complaints)
    prompt = (
        f"{asked.prompt}\n\nYou answered:\n{answer[:MOST_SHOWN]}\n\nThat cannot be used:\n"
        f"{listed}\n\nAnswer again with the whole corrected document."
    )
    return Question(asked.system, prompt)


def read_answer(text: str, *, name: str = "") -> Drafted:
    """The flow in a model's answer; `name` replaces what the model called it. Raises NoFlow."""
    try:
        found = json_of(text)
    except AnswerUnreadable as error:
        raise NoFlow(f"The answer is no JSON that can be read. {error}") from error
    if not isinstance(found, Mapping) or not found.get("nodes"):
        raise NoFlow("The answer holds no flow: an object with 'nodes' was asked for.")
    wanted = {key: value for key, value in found.items() if key != "layout"}
    if name or not wanted.get("name"):
        wanted["name"] = name or "Untitled flow"
    try:
        document = migrated(admit(wanted), registry())
    except DocumentInvalid as invalid:
        raise NoFlow(f"The answer is no flow document. {complaints_of(invalid.problems)[0]}") from (
            invalid
        )
    return Drafted(document, tuple(validate(document, registry())))


def complaints_of(problems: Iterable[Problem]) -> list[str]:
    """Problems as sentences that name the node and the field."""
    said = []
    for problem in problems:
        where = ".".join(part for part in (problem.node, problem.path) if part)
        said.append(f"{where}: {problem.message}" if where else problem.message)
    return said[:MOST_PROBLEMS] or ["It is not valid."]


def _shown(document: Document) -> str:
    plain = {key: value for key, value in dump(document).items() if key != "layout"}
    text = json.dumps(plain, ensure_ascii=False)
    if len(text) > MOST_SHOWN:
        raise NoFlow(
            f"The flow is too long to be shown to a model ({len(text):,} characters; the limit is "
            f"{MOST_SHOWN:,}). Describe a smaller flow, and use this one as a sub-flow."
        )
    return text


@lru_cache(maxsize=1)
def _system() -> str:
    types = "\n".join(_type(kind) for kind in registry().all())
    rules = _RULES.replace("{filters}", " ".join(sorted(FILTERS)))
    return f"{rules}\nNode types:\n{types}"


def _type(kind: NodeType) -> str:
    ports = "a port for each case" if callable(kind.ports) else _names(kind.port_names({}))
    outputs = _names(f"{name} ({word})" for name, word in kind.outputs.items())
    lines = [
        f"\n{kind.type}: {kind.summary} Ports: {ports or 'none'}. Gives: {outputs or 'see it'}."
    ]
    schema = kind.config.model_json_schema()
    lines += _fields(schema)
    return "\n".join(lines)


def _names(words: Iterable[str]) -> str:
    return ", ".join(words)


def _fields(schema: Mapping[str, JSON]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        must = ", required" if name in required else ""
        yield f"  {name} ({_kind(field, schema)}{must}): {field.get('description', '')}"


def _kind(field: Mapping[str, JSON], root: Mapping[str, JSON]) -> str:
    """A field's type in a word or two; choices and the keys of objects are listed."""
    if reference := field.get("$ref"):
        return _kind(root["$defs"][reference.rpartition("/")[2]], root)
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "const" in field:
        return str(field["const"])
    if either := field.get("anyOf") or field.get("oneOf"):
        kinds = [_kind(one, root) for one in either if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}), root)}"
    if inner := field.get("properties"):
        return f"object with {_names(inner)}"
    return str(field.get("type", "any"))
