"""The node types as the editor offers them: by category, each with a card to copy."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

from flows.engine.document import NodeSpec
from flows.engine.node_type import Category, NodeType
from flows.engine.registry import registry
from flows.views.picture import CONTAINERS, Card, card_of
from flows.views.secret_paths import secret_paths

#: The id of the node in a card that is there to be copied; scripts put the real one in its place.
PLACEHOLDER = "placeholder_id"
CATEGORY_TITLES: dict[Category, str] = {
    "trigger": "Start",
    "ai": "AI",
    "data": "Data",
    "tool": "Tools",
    "logic": "Logic",
    "code": "Code",
    "human": "People",
    "output": "Results",
}


@dataclass(frozen=True)
class PaletteEntry:
    """A node type on the palette; `card` is that of a new node of the type."""

    type: str
    title: str
    summary: str
    category: str
    icon: str
    card: Card


@dataclass(frozen=True)
class PaletteGroup:
    """The types of one category."""

    category: str
    title: str
    entries: Sequence[PaletteEntry]


@lru_cache(maxsize=1)
def palette() -> tuple[PaletteGroup, ...]:
    """All node types by category, in the categories' order; made once a process."""
    groups = []
    for category in get_args(Category):
        types = [kind for kind in registry().all() if kind.category == category]
        if types:
            entries = [_entry(kind) for kind in sorted(types, key=lambda kind: kind.title)]
            groups.append(PaletteGroup(category, CATEGORY_TITLES[category], entries))
    return tuple(groups)


@lru_cache(maxsize=1)
def node_type_facts() -> list[dict[str, Any]]:
    """What scripts know of each type, in the palette's order; see `node-types.ts`."""
    known = registry()
    kinds = (known.get(entry.type) for group in palette() for entry in group.entries)
    return [_facts(kind) for kind in kinds if kind is not None]


def _entry(kind: NodeType) -> PaletteEntry:
    card = card_of(NodeSpec(id=PLACEHOLDER, type=kind.type), {}, None, broken=False)
    return PaletteEntry(kind.type, kind.title, kind.summary, kind.category, kind.icon, card)


def _facts(kind: NodeType) -> dict[str, Any]:
    card = card_of(NodeSpec(id=PLACEHOLDER, type=kind.type), {}, None, broken=False)
    ports = kind.ports({}) if callable(kind.ports) else kind.ports
    gives = kind.runs and kind.category != "output"
    return {
        "type": kind.type,
        "version": kind.version,
        "title": kind.title,
        "summary": kind.summary,
        "category": kind.category,
        "icon": kind.icon,
        "ports": [{"name": port.name, "label": port.label} for port in ports] if gives else [],
        "portsFollowConfig": callable(kind.ports),
        "takesInput": card.takes_input,
        "holds": kind.control in CONTAINERS,
        "runs": kind.runs,
        "streams": kind.streams,
        "outputs": dict(kind.outputs),
        "defaults": _defaults(kind),
        # A flow has exactly one of it, as validation says.
        "once": kind.type == "input",
        "secrets": secret_paths(kind.config.model_json_schema()),
    }


def _defaults(kind: NodeType) -> dict[str, Any]:
    """The values of the config's fields that a document need not name."""
    properties = kind.config.model_json_schema().get("properties", {})
    return {
        name: schema["default"]
        for name, schema in properties.items()
        if schema.get("default") is not None
    }
