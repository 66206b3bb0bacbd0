"""Puts together the import of an n8n workflow."""

from typing import Any

from flows.importing.building import build
from flows.importing.circles import open_circles
from flows.importing.code import Untranslatable, braced
from flows.importing.draft import Draft
from flows.importing.n8n.conditions import ports_of
from flows.importing.n8n.kinds import N8n
from flows.importing.n8n.planning import plan_maps
from flows.importing.n8n.reading import read_flow, short
from flows.importing.result import Imported
from flows.importing.secrets import Scrubber
from flows.importing.source import SourceEdge, mapping

JSON = Any


def read(data: dict[str, JSON], scrubber: Scrubber) -> Imported:
    """The import of a file that `is_n8n`. Raises ImportRefused."""
    flow = read_flow(data)
    draft = Draft(flow)
    for node in flow.nodes.values():
        draft.ids[node.id] = draft.new_id(node.name)
        draft.boxes[node.id] = None
    seconds = mapping(data.get("settings")).get("executionTimeout")
    if isinstance(seconds, int) and seconds > 0:
        flow.messages.append(f"The time limit of {seconds} s was left out: set it in the settings.")
    for name in flow.nodes:
        draft.carriers[name] = flow.before(name)
    plan_maps(draft)
    for name in flow.nodes:
        # What a map's steps hand back is no item of theirs.
        draft.carriers[name] = _carriers(draft, name)
    _name_errors(draft)
    open_circles(draft, {})
    imported = _Building(draft)
    return imported.build(N8n(frozenset(flow.facts["owners"])), scrubber)


def _carriers(draft: Draft, name: str) -> list[str]:
    maps = draft.flow.facts.get("maps", {})
    inside = maps[name][1] if name in maps else ()
    return [source for source in draft.carriers[name] if source not in inside]


def _name_errors(draft: Draft) -> None:
    """The way on after an error is the last one of a node; it gets a name of its own."""
    flow = draft.flow
    renamed = []
    for edge in flow.edges:
        node = flow.nodes[edge.source]
        count = ports_of(short(node.type), dict(node.config))
        if node.raw.get("onError") == "continueErrorOutput" and edge.port == str(count):
            edge = SourceEdge(edge.source, "@error", edge.target)
        renamed.append(edge)
    flow.edges = renamed


class _Building:
    """Builds, and gives each map its result once what is in it is known."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft

    def build(self, dialect: N8n, scrubber: Scrubber) -> Imported:
        return build(self.draft, dialect, scrubber, finish=self._results)

    def _results(self) -> None:
        for head, (box, inside) in self.draft.flow.facts.get("maps", {}).items():
            if "items" not in box.config:
                continue
            ends = [n for n in inside if not any(a in inside for a in self.draft.flow.after(n))]
            reader = f"@result:{head}"
            self.draft.boxes[reader] = box
            self.draft.carriers[reader] = sorted(ends)
            try:
                box.config["result"] = braced(self.draft.carried(reader, ()))
            except Untranslatable:
                continue
