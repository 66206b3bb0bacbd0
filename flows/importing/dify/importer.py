"""Puts together the import of a Dify app; the table of its node types is here."""

import json
from collections.abc import Sequence
from typing import Any

from flows.importing.building import build
from flows.importing.circles import open_circles
from flows.importing.code import Code, Untranslatable, braced, literal, or_else
from flows.importing.dify import agents, http, models, nodes, services
from flows.importing.dify.expressions import parts, selected
from flows.importing.draft import Box, Draft
from flows.importing.result import Imported, ImportRefused
from flows.importing.secrets import Scrubber
from flows.importing.source import (
    SourceEdge,
    SourceFlow,
    SourceNode,
    listing,
    mapping,
    mappings,
    number,
    words,
)
from flows.importing.steps import Kind, Step, as_note, missing
from flows.importing.variables import Variables

JSON = Any
_MODES = ("workflow", "advanced-chat")
#: Marks of where a container's inside begins; they are no steps.
_MARKS = ("iteration-start", "loop-start")


def _note(step: Step) -> str:
    """The words of a note, which is kept as the JSON of its editor."""
    try:
        tree = json.loads(words(step.config.get("text")))
    except (ValueError, RecursionError):
        return words(step.config.get("text"))
    return "\n\n".join(filter(None, (_text(one) for one in _children(tree, "root")))) or ""


def _children(tree: JSON, key: str = "") -> list[JSON]:
    return listing(mapping(mapping(tree).get(key) if key else tree).get("children"))


def _text(tree: JSON, depth: int = 0) -> str:
    own = words(mapping(tree).get("text"))
    return own + "".join(_text(one, depth + 1) for one in _children(tree)) if depth < 20 else own


KINDS: dict[str, Kind] = {
    "start": Kind("mapped", ("input",), nodes.start),
    "end": Kind("mapped", ("output",), nodes.end),
    "answer": Kind("mapped", ("output",), nodes.answer),
    "llm": Kind("mapped", ("llm",), models.llm),
    "agent": Kind("approximated", ("agent",), agents.agent),
    "question-classifier": Kind("approximated", ("classify",), models.classifier),
    "parameter-extractor": Kind("mapped", ("extract",), models.extractor),
    "knowledge-retrieval": Kind("approximated", ("knowledge",), services.knowledge),
    "tool": Kind("approximated", ("mcp", "subflow"), agents.tool),
    "code": Kind("mapped", ("code",), services.code),
    "document-extractor": Kind("mapped", ("file_read",), services.document),
    "if-else": Kind("mapped", ("if", "switch"), nodes.if_else),
    "template-transform": Kind("mapped", ("template",), nodes.to_text),
    "http-request": Kind("mapped", ("http",), http.request),
    "iteration": Kind("mapped", ("map",), nodes.iteration),
    "loop": Kind("mapped", ("loop",), nodes.loop),
    "loop-end": Kind("mapped", ("stop",), nodes.loop_end),
    "variable-aggregator": Kind("mapped", ("transform",), nodes.aggregator),
    "variable-assigner": Kind("mapped", ("transform",), nodes.aggregator),
    "assigner": Kind("mapped", ("transform",), nodes.assigner),
    "list-operator": Kind("mapped", ("transform",), nodes.list_operator),
    "note": Kind("mapped", ("note",), as_note(_note)),
}
_UNKNOWN = Kind("unsupported", ("transform", "note"), missing)


class Dify:
    """How apps of Dify are read."""

    product = "dify"
    title = "Dify"

    def kind(self, node: SourceNode) -> Kind:
        return KINDS.get(node.type, _UNKNOWN)

    def parts(self, text: str, step: Step) -> Sequence[str | Code]:
        return parts(text, step)

    def facts(self, node: SourceNode) -> dict[str, JSON]:
        """Retries and what happens on errors."""
        made: dict[str, JSON] = {}
        retry = mapping(node.config.get("retry_config"))
        if retry.get("retry_enabled") is True:
            seconds = (number(retry.get("retry_interval")) or 1000) / 1000
            tries = int(number(retry.get("max_retries")) or 1) + 1
            made["retry"] = {
                "max_attempts": min(max(tries, 1), 20),
                "initial_seconds": seconds,
                "backoff": 1,
            }
        if node.config.get("error_strategy") == "fail-branch":
            made["on_error"] = "branch"
        elif node.config.get("error_strategy") == "default-value":
            made["on_error"] = "continue"
        return made


def is_dify(data: dict[str, JSON]) -> bool:
    """Whether an object looks like the DSL of an app with a workflow."""
    graph = mapping(mapping(data.get("workflow")).get("graph"))
    return isinstance(graph.get("nodes"), list) and (data.get("kind") == "app" or "app" in data)


def _read_flow(data: dict[str, JSON]) -> SourceFlow:
    app, workflow = mapping(data.get("app")), mapping(data.get("workflow"))
    mode = words(app.get("mode"))
    if mode and mode not in _MODES:
        raise ImportRefused(
            f"Apps of Dify in the mode '{mode}' cannot be imported: only workflows and chatflows."
        )
    version = words(data.get("version"), "unknown")
    flow = SourceFlow("dify", version, words(app.get("name")), words(app.get("description")))
    graph = mapping(workflow.get("graph"))
    marks = set()
    for index, raw in enumerate(mappings(graph.get("nodes"))):
        inner = mapping(raw.get("data"))
        key = words(raw.get("id")) or f"node_{index}"
        kind = "note" if raw.get("type") == "custom-note" else words(inner.get("type"), "unknown")
        if kind in _MARKS:
            marks.add(key)
            continue
        if key in flow.nodes:
            flow.messages.append(f"Two nodes have the id '{key[:80]}': the second was renamed.")
            key = f"{key} ({index})"
        at = mapping(raw.get("positionAbsolute")) or mapping(raw.get("position"))
        flow.nodes[key] = SourceNode(
            key,
            words(inner.get("title")) or kind,
            kind,
            inner,
            number(at.get("x")) or 0,
            number(at.get("y")) or 0,
            words(raw.get("parentId"))
            or words(inner.get("iteration_id"))
            or words(inner.get("loop_id"))
            or None,
            raw=raw,
        )
    for raw in mappings(graph.get("edges")):
        ends = words(raw.get("source")), words(raw.get("target"))
        if any(end not in flow.nodes for end in ends):
            if not marks.intersection(ends):
                flow.messages.append(
                    "A connection leads to or from a node that is not in the file."
                )
            continue
        port = words(raw.get("sourceHandle"), "source")
        port = {"fail-branch": "@error", "success-branch": "source"}.get(port, port)
        flow.edges.append(SourceEdge(ends[0], port, ends[1]))
    flow.edges = list(dict.fromkeys(flow.edges))
    flow.facts["mode"] = mode
    if version.split(".")[0] not in ("0", "unknown"):
        flow.messages.append(f"The file is of version {version}, newer than what is known here.")
    return flow


def read(data: dict[str, JSON], scrubber: Scrubber) -> Imported:
    """The import of a file that `is_dify`. Raises ImportRefused."""
    flow = _read_flow(data)
    draft = Draft(flow)
    workflow = mapping(data.get("workflow"))
    conversation = Variables()
    for raw in mappings(workflow.get("conversation_variables")):
        value = raw.get("value")
        secret = raw.get("value_type") == "secret"
        conversation.initial[words(raw.get("name"))] = literal(None if secret else value)
    if conversation.initial:
        draft.messages.append(
            "Conversation variables begin anew with each run here: they are not kept in a session."
        )
    names = [words(raw.get("name")) for raw in mappings(workflow.get("environment_variables"))]
    if names:
        draft.messages.append(
            "Make these variables of the workspace; their values were not taken over: "
            f"{', '.join(names)[:400]}."
        )
    if listing(data.get("dependencies")):
        draft.messages.append("Plugins are not needed here: connect the providers' credentials.")
    flow.facts |= {"variables": conversation, "maps": {}, "loops": {}, "boxes": {}}
    for node in flow.nodes.values():
        draft.ids[node.id] = draft.new_id(node.name)
        draft.boxes[node.id] = None
    _plan(draft)
    for name in flow.nodes:
        draft.carriers[name] = flow.before(name)
    open_circles(draft, {})
    dialect = Dify()
    return build(draft, dialect, scrubber, finish=lambda: _finish(draft, dialect))


def _plan(draft: Draft) -> None:
    facts = draft.flow.facts
    for node in draft.flow.nodes.values():
        if node.type == "start":
            facts["start"] = node.id
        if node.type in ("iteration", "loop"):
            kind = "map" if node.type == "iteration" else "loop"
            facts["boxes"][node.id] = Box(draft.ids[node.id], kind, None, node.id)
            if kind == "map":
                facts["maps"][node.id] = facts["boxes"][node.id]
            else:
                facts["loops"][node.id] = Variables(is_kept=True)
    for node in draft.flow.nodes.values():
        box: Box | None = facts["boxes"].get(node.parent or "")
        own = facts["boxes"].get(node.id)
        if own is not None and not own.put_into(box):
            draft.messages.append(f"'{node.name[:80]}' was inside of itself; it was taken out.")
            box = None
        draft.boxes[node.id] = box
        if node.type == "assigner":
            for raw in nodes.items_of(node.config):
                begin, name = (
                    words(raw["variable_selector"][0]),
                    words(raw["variable_selector"][-1]),
                )
                variables = facts["loops"].get(begin, facts["variables"])
                variables.declare(node.id, name, draft.ids[node.id])


def _finish(draft: Draft, dialect: Dify) -> None:
    """Results of maps, and what the rounds of loops change, now that all inside is known."""
    for head, box in draft.flow.facts["boxes"].items():
        node = draft.flow.nodes[head]
        inner = SourceNode(f"@inside:{head}", node.name, node.type, node.config)
        draft.boxes[inner.id], draft.ids[inner.id] = box, draft.ids[head]
        step = Step(draft, inner, dialect)
        if box.kind == "map":
            try:
                box.config["result"] = braced(selected(step, node.config.get("output_selector")))
            except Untranslatable:
                box.config.pop("result", None)
            continue
        variables = draft.flow.facts["loops"][head]
        for name in variables.initial:
            writers = [w for w in variables.writers if w.name == name]
            writers.sort(key=lambda w: -len(draft.ancestors(w.source)))
            codes = [Code(w.node).get(name) for w in writers if w.source in draft.made]
            if codes:
                changed = or_else([*codes, Code("state").get(name)])
                box.config.setdefault("update", {})[name] = braced(changed)
        variables.writers.clear()
        box.config["while"] = nodes.while_of(step)
