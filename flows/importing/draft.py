"""The document while it is being made: ids, nodes, containers, and how outputs are read."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.engine.validate import RESERVED_IDS
from flows.importing.code import TO_BE_WRITTEN, Code, Untranslatable, braced, or_else
from flows.importing.source import SourceFlow, SourceNode, Ways

JSON = Any
type Keys = tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """How the output that the source's expressions read is found in the output of our node.

    `fields`: beginnings of paths of the source → ours; all else stands below `value`, or with
    `through` is what the nodes before gave. `items`: where the list is, for what gives many items.
    `inner` is as `fields`, for what a map's steps read of their item.
    """

    value: Keys = ()
    fields: Mapping[Keys, Keys] = field(default_factory=dict)
    through: bool = False
    items: Keys | None = None
    inner: Mapping[Keys, Keys] = field(default_factory=dict)


@dataclass(eq=False)
class Box:
    """A container: `head` is its node in the source, '' for one that only exists here."""

    id: str
    kind: str
    parent: "Box | None" = None
    head: str = ""
    config: dict[str, JSON] = field(default_factory=dict)

    def put_into(self, outer: "Box | None") -> bool:
        """Whether this box could be put into another: not where it would be inside of itself."""
        if outer is not None and any(box is self for box in outer.chain()):
            return False
        self.parent = outer
        return True

    def chain(self) -> Iterator["Box"]:
        box: Box | None = self
        while box is not None:
            yield box
            box = box.parent


@dataclass
class Made:
    """What one node of the source became. `exits`: its ports → (node, port) of ours."""

    entry: str
    root: str
    exits: dict[str, tuple[str, str]] = field(default_factory=dict)
    last: tuple[str, str] | None = None
    shape: Shape = field(default_factory=Shape)


class Draft:
    """Collects nodes and edges; `boxes` says in which container each node of the source is."""

    def __init__(self, flow: SourceFlow) -> None:
        self.flow = flow
        self.ids: dict[str, str] = {}
        self.taken: set[str] = set()
        self.entries: list[dict[str, JSON]] = []
        self.edges: dict[tuple[str, str, str], None] = {}
        self.places: dict[str, tuple[float, float]] = {}
        self.made: dict[str, Made] = {}
        self.boxes: dict[str, Box | None] = {}
        self.box_of: dict[str, Box | None] = {}
        self.carriers: dict[str, list[str]] = {}
        self.messages: list[str] = list(flow.messages)
        self._before: dict[str, set[str]] = {}
        self._ways: Ways | None = None
        self._insides: list[tuple[Box, set[str]]] = []

    def new_id(self, wish: str) -> str:
        """A free id as near to the wish as ids can be."""
        base = valid_id(wish)
        name, count = base, 1
        while name in self.taken or name in RESERVED_IDS or name == TO_BE_WRITTEN:
            count += 1
            name = f"{base[:57]}_{count}"
        self.taken.add(name)
        return name

    def add(self, entry: dict[str, JSON], box: Box | None, place: tuple[float, float]) -> str:
        """Keep a node. Its `parent` follows from the box."""
        name = str(entry["id"])
        if box is not None:
            entry["parent"] = box.id
        self.entries.append(entry)
        self.box_of[name] = box
        self.places[name] = place
        return name

    def connect(self, source: str, port: str, target: str) -> None:
        """An edge; where a wall is between, the containers themselves are connected."""
        a, b = self.box_of.get(source), self.box_of.get(target)
        around_b = list(b.chain()) if b else []
        while a is not None and a not in around_b:
            source, port, a = a.id, "out", a.parent
        around_a = list(a.chain()) if a else []
        while b is not None and b not in around_a:
            target, b = b.id, b.parent
        if source != target:
            self.edges[source, port, target] = None

    def ancestors(self, node: str) -> set[str]:
        """The nodes of the source that have run before this one."""
        if node not in self.flow.nodes:
            return set()
        if self._ways is None:
            self._ways = self._learn_ways()
        if node not in self._before:
            self._before[node] = self._ways.reach(node, back=True)
            self._add_inside(node, self._before[node])
        return self._before[node]

    def _learn_ways(self) -> Ways:
        """The edges, and what each container holds, outer ones first."""
        ways = Ways(self.flow.nodes, self.flow.edges)
        held: dict[Box, set[str]] = {}
        for name, box in self.boxes.items():
            if name not in ways.before or box is None:
                continue
            # A node in a container comes after all that comes before the container.
            if box.head and box.head != name:
                ways.before[name].append(box.head)
            for outer in box.chain():
                held.setdefault(outer, set()).add(name)
        self._insides = sorted(held.items(), key=lambda found: len(list(found[0].chain())))
        return ways

    def _add_inside(self, node: str, before: set[str]) -> None:
        """What is in a container has run before what comes after the container."""
        around = set(self._around(node))
        added: set[Box] = set()
        for box, inside in self._insides:
            if box.parent in added:
                added.add(box)
            elif box.head in before and box not in around:
                before |= inside
                added.add(box)

    def reach(self, reader: str, target: str, node: str) -> Code:
        """How a node of ours, made of `target`, is read where `reader` is."""
        box, code = self.boxes.get(target), Code(node)
        here = self.boxes.get(reader)
        around = list(here.chain()) if here else []
        while box is not None and box not in around:
            code = _export(box, node, code)
            box = box.parent
        later = box is not None and target not in self.ancestors(reader)
        if later and box is not None and box.kind == "loop" and code.text == node:
            _export(box, node, code)
            return Code(f"state.{node}")
        return code

    def read(self, reader: str, target: str, keys: Sequence[str], depth: int = 0) -> Code:
        """The part of what `target` gave that the source names by `keys`.

        Raises Untranslatable where the target gives nothing that can be read.
        """
        box = self._map_around(reader, target)
        if box is not None:
            first = next((b for b in self._around(reader) if b.kind == "map"), None)
            root = Code("item" if box is first else f"{box.id}.item")
            return _below(root, Shape(fields=self.made[target].shape.inner), keys)
        made = self.made.get(target)
        if made is None:
            name = self.flow.nodes[target].name if target in self.flow.nodes else target
            raise Untranslatable(f"'{name}' gives nothing that can be read here")
        shape = made.shape
        own = next((k for k in shape.fields if tuple(keys[: len(k)]) == k), None)
        if shape.through and own is None:
            return self.carried(target, keys, reader, depth + 1)
        root = self.reach(reader, target, made.root)
        if self.has_left_map(reader, target):
            # A map keeps what its last step gave, in the form in which the source reads it.
            return _below(root, Shape(), ("0", *keys) if keys else ())
        if shape.items is not None and own is None:
            root = _below(root, Shape(shape.items), ())
            return _below(root, Shape(), ("0", *keys))
        return _below(root, shape, keys)

    def carried(self, node: str, keys: Sequence[str], reader: str = "", depth: int = 0) -> Code:
        """The part of what arrives at a node; of several ways in, the one that was taken."""
        if depth > 50:
            raise Untranslatable("what arrives here comes from too far away")
        codes: list[Code] = []
        for source in self.carriers.get(node, []):
            try:
                code = self.read(reader or node, source, keys, depth)
            except Untranslatable:
                continue
            if code.text not in [known.text for known in codes]:
                codes.append(code)
        if not codes:
            raise Untranslatable("nothing arrives here that can be read")
        # What comes back in a circle is newer than what came in at first.
        codes.sort(key=lambda code: not code.text.startswith("state."))
        return or_else(codes)

    def own(self, source: str, keys: Sequence[str]) -> Code:
        """What a node itself gave, for steps that follow it as a part of it."""
        made = self.made[source]
        return _below(Code(made.root), made.shape, keys)

    def everything(self, reader: str, target: str) -> Code:
        """All that a node gave: the list, where it gave one. Raises Untranslatable."""
        made = self.made[target]
        if made.shape.items is not None:
            return _below(self.reach(reader, target, made.root), Shape(made.shape.items), ())
        return self.read(reader, target, ())

    def has_left_map(self, reader: str, target: str) -> bool:
        """Whether the target is in a map that the reader is outside of."""
        around = list(self._around(reader))
        return any(box.kind == "map" and box not in around for box in self._around(target))

    def _around(self, node: str) -> Iterable[Box]:
        box = self.boxes.get(node)
        return box.chain() if box else ()

    def _map_around(self, reader: str, target: str) -> Box | None:
        boxes = self._around(reader)
        return next((b for b in boxes if b.kind == "map" and b.head == target), None)

    def node(self, source: str) -> SourceNode:
        return self.flow.nodes[source]


def _below(root: Code, shape: Shape, keys: Sequence[str]) -> Code:
    for begin, ours in shape.fields.items():
        if tuple(keys[: len(begin)]) == begin:
            keys, path = keys[len(begin) :], ours
            break
    else:
        path = shape.value
    for key in (*path, *keys):
        root = root.get(key)
    return root


def _export(box: Box, node: str, code: Code) -> Code:
    """Hand a value of the inside of a container on to the outside."""
    if box.kind == "map":
        return Code(f"{box.id}.items")
    box.config.setdefault("state", {}).setdefault(node, None)
    kept = braced(Code(f"{code.text} | default(state.{node})"))
    box.config.setdefault("update", {}).setdefault(node, kept)
    return Code(f"{box.id}.state.{node}")


def valid_id(name: str) -> str:
    """A name as an id: a-z, 0-9 and _, beginning with a letter."""
    plain = unicodedata.normalize("NFKD", name[:200]).encode("ascii", "ignore").decode()
    made = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:58]
    if not made or not made[0].isalpha():
        made = f"step_{made}".strip("_")[:58]
    return made
