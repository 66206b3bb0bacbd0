"""Builds the document of a source flow: node by node, then edges, ends, places and the report."""

from collections.abc import Callable
from functools import cache
from typing import Any

from flows.engine.document import SCHEMA, Document, admit
from flows.engine.errors import DocumentInvalid, Problem
from flows.engine.registry import registry
from flows.engine.validate import validate
from flows.importing.circles import AGAIN, LOOP, ROUTE, WAY
from flows.importing.code import Untranslatable, braced
from flows.importing.draft import Draft, Made, Shape
from flows.importing.places import spread
from flows.importing.result import Imported, ImportRefused, Row
from flows.importing.secrets import Scrubber
from flows.importing.source import SourceNode, Ways
from flows.importing.steps import Dialect, Step, missing

JSON = Any
#: Errors of a form that nobody expected: files of other products hold anything, at any place.
_UNEXPECTED = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)
_ENDS = ("output", "stop", "note")
MAX_MESSAGES = 12
#: Parts of parts, as the model of an agent's tool; files may say that a part is its own.
MAX_PARTS_DEEP = 5


def build(
    draft: Draft,
    dialect: Dialect,
    scrubber: Scrubber,
    finish: Callable[[], None] | None = None,
) -> Imported:
    """The document and its report. Raises ImportRefused where it would be too large.

    `finish` is called once all nodes are made, before the edges.
    """
    flow = draft.flow
    made = [_made(draft, flow.nodes[name], dialect) for name in _order(draft)]
    steps = [step for step in made if step is not None]
    if finish is not None:
        finish()
    for edge in flow.edges:
        _connect(draft, edge.source, edge.port, edge.target)
    _begin(draft)
    _end(draft)
    data = _data(draft)
    scrubbed = scrubber.value(data)
    if scrubber.count:
        draft.messages.append(
            f"Secrets in {scrubber.count} place{'s' * (scrubber.count > 1)} of the file were left "
            "out. Store them as credentials or variables of the workspace, and refer to those."
        )
    document = _admitted(scrubbed)
    _tell_problems(document, steps, draft)
    place = {name: at for at, name in enumerate(flow.nodes)}
    steps.sort(key=lambda step: place[step.source.id])
    rows = tuple(
        Row(
            scrubber.text(step.source.id),
            scrubber.text(step.source.name),
            scrubber.text(step.source.type),
            step.status,
            tuple(step.nodes),
            tuple(scrubber.text(text) for text in step.messages[:MAX_MESSAGES]),
        )
        for step in steps
    )
    messages = tuple(scrubber.text(text) for text in dict.fromkeys(draft.messages))
    return Imported(dialect.product, flow.version, document, rows, messages)


def _order(draft: Draft) -> list[str]:
    """Nodes after those whose output they read; containers before what is in them.

    What is a part of other nodes (`facts['owners']`) comes after them: they say what became of it.
    """
    ordered, _ = Ways(draft.flow.nodes, draft.flow.edges).order()
    rank = {name: at for at, name in enumerate(ordered)}
    owners: dict[str, list[str]] = draft.flow.facts.get("owners", {})

    @cache
    def key(name: str, depth: int = 0) -> list[int]:
        if name in owners and depth < MAX_PARTS_DEEP:
            return [*max(key(owner, depth + 1) for owner in owners[name]), rank[name]]
        box = draft.boxes.get(name)
        heads = [b.head for b in box.chain() if b.head] if box else []
        return [*(rank.get(head, 0) for head in heads[::-1]), rank[name]]

    return sorted(ordered, key=key)


def _made(draft: Draft, source: SourceNode, dialect: Dialect) -> Step | None:
    if source.type in _OWN:
        _OWN[source.type](draft, source)
        return None
    step = Step(draft, source, dialect)
    kept = len(draft.entries)
    try:
        step.kind.make(step)
    except (Untranslatable, *_UNEXPECTED) as error:
        del draft.entries[kept:]
        step.nodes.clear()
        reason = str(error) if isinstance(error, Untranslatable) else "their form is not known"
        step.tell(f"Its settings could not be read: {reason}.")
        missing(step)
    return step


def _connect(draft: Draft, source: str, port: str, target: str) -> None:
    begin, end = draft.made.get(source), draft.made.get(target)
    if begin is None or end is None:
        return
    way = begin.exits.get(port, begin.last)
    if way is None:
        names = [draft.node(name).name for name in (source, target)]
        draft.messages.append(
            f"The connection from '{names[0]}' ({port}) to '{names[1]}' was left out: there is no "
            "such way on here. Check how these two are connected."
        )
        return
    draft.connect(*way, end.entry)


def _begin(draft: Draft) -> None:
    """An input node before all that nothing leads to, where the source has none."""
    reached = {target for _, _, target in draft.edges}
    inputs = [entry["id"] for entry in draft.entries if entry["type"] == "input"]
    if not inputs:
        name = draft.new_id("start")
        entry: dict[str, JSON] = {"id": name, "type": "input", "label": "Start"}
        entry["config"] = {"fields": []}
        tops = list(draft.places.values())
        left = min((x for x, _ in tops), default=0.0)
        draft.add(entry, None, (left - 300, min((y for _, y in tops), default=0.0)))
        draft.entries.insert(0, draft.entries.pop())
        inputs = [name]
        draft.messages.append("The file has no start that is known here: an empty one was added.")
    for entry in draft.entries:
        name = str(entry["id"])
        loose = name not in reached and draft.box_of[name] is None
        if loose and entry["type"] not in ("input", "note"):
            draft.edges[inputs[0], "out", name] = None


def _end(draft: Draft) -> None:
    """An output after each last step, so that a run gives what the steps made."""
    leading = {source for source, _, _ in draft.edges}
    types = {entry["id"]: entry["type"] for entry in draft.entries}
    added = []
    for source, made in list(draft.made.items()):
        last = made.last[0] if made.last else made.root
        loose = last not in leading and made.root not in leading
        if not loose or types.get(made.root, "note") in _ENDS or draft.box_of.get(last):
            continue
        if made.last is None and types[made.root] in ("if", "switch"):
            continue
        if types[made.root] == "input" and len(types) > 1:
            continue
        reader = f"@end:{source}"
        draft.carriers[reader] = [source]
        try:
            value = braced(draft.everything(reader, source))
        except Untranslatable:
            value = braced_root(made)
        name = draft.new_id(f"{made.root}_result")
        x, y = draft.places[made.root]
        entry = {"id": name, "type": "output", "label": "Result", "config": {"value": value}}
        draft.add(entry, None, (x + 300, y))
        draft.connect(*(made.last or (last, "out")), name)
        added.append(name)
    if added:
        draft.messages.append(
            "What the last steps give is handed on by outputs that were added: "
            f"{', '.join(added[:8])}."
        )


def braced_root(made: Made) -> str:
    return "{{ " + made.root + " }}"


def _data(draft: Draft) -> dict[str, JSON]:
    known = {entry["id"] for entry in draft.entries}
    edges = [
        {"from": source if port == "out" else f"{source}.{port}", "to": target}
        for source, port, target in draft.edges
        if source in known and target in known
    ]
    name = " ".join(draft.flow.name.split())[:200] or f"Imported from {draft.flow.product}"
    data: dict[str, JSON] = {"schema": SCHEMA, "name": name, "nodes": draft.entries}
    if draft.flow.description:
        data["description"] = draft.flow.description[:10_000]
    places = {node: place for node, place in draft.places.items() if node in known}
    return {**data, "edges": edges, "layout": spread(places)}


def _admitted(data: dict[str, JSON]) -> Document:
    try:
        return admit(data)
    except DocumentInvalid as invalid:
        message = f"The flow cannot be kept here. {invalid.problems[0].message}"
        raise ImportRefused(message) from invalid


def _tell_problems(document: Document, steps: list[Step], draft: Draft) -> None:
    """What validation finds belongs to the report, beside the node it is about."""
    owners = {node: step for step in steps for node in step.nodes}
    for problem in validate(document, registry()):
        if problem.severity == "error":
            _tell_problem(problem, owners, draft)


def _tell_problem(problem: Problem, owners: dict[str, Step], draft: Draft) -> None:
    step = owners.get(problem.node or "")
    if step is None:
        draft.messages.append(f"To be solved before it runs: {problem.message}")
    elif "to_be_written" not in problem.message:
        step.changed(f"To be solved before it runs: {problem.message}")


def _loop(draft: Draft, source: SourceNode) -> None:
    name = draft.ids[source.id]
    box = next(b for inner in draft.boxes.values() if inner for b in inner.chain() if b.id == name)
    _own(draft, source, {"type": "loop", "config": box.config})


def _route(draft: Draft, source: SourceNode) -> None:
    loop, ways = draft.flow.facts[source.id]
    cases = [{"name": way, "when": way} for way in ways]
    config = {"value": f"{{{{ {loop}.state.way }}}}", "cases": cases}
    made = _own(draft, source, {"type": "switch", "config": config})
    made.exits = {way: (made.root, way) for way in ways}
    made.last = None


def _again(draft: Draft, source: SourceNode) -> None:
    _own(draft, source, {"type": "transform", "config": {"fields": {"again": True}}})


def _way(draft: Draft, source: SourceNode) -> None:
    _own(draft, source, {"type": "transform", "config": {"fields": {"way": source.name}}})


def _own(draft: Draft, source: SourceNode, entry: dict[str, JSON]) -> Made:
    name = draft.ids[source.id]
    label = source.name.replace("_", " ").capitalize()[:200]
    entry = {"id": name, "label": label, **entry}
    draft.add(entry, draft.boxes.get(source.id), (source.x, source.y))
    made = Made(name, name, shape=Shape(), last=(name, "out"))
    draft.made[source.id] = made
    return made


_OWN = {LOOP: _loop, ROUTE: _route, AGAIN: _again, WAY: _way}
