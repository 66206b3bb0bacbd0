"""One node of the source on its way into the document: what mappings are written with."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from flows.importing.code import (
    Code,
    Untranslatable,
    as_code,
    as_text,
    braced,
    checked,
    literal,
    unwritten,
)
from flows.importing.draft import Draft, Keys, Made, Shape
from flows.importing.result import Status
from flows.importing.source import SourceNode, words

JSON = Any
#: Characters of a node's settings that a note repeats.
MAX_NOTE = 6_000
MAX_SHOWN = 120
#: Where the products keep what went wrong, for what is behind the port 'error'.
_ERRORS: dict[Keys, Keys] = {
    ("error_message",): ("error", "message"),
    ("error_type",): ("error", "code"),
    ("error", "message"): ("error", "message"),
}


class Dialect(Protocol):
    """What is particular to one product."""

    product: str
    title: str

    def kind(self, node: SourceNode) -> "Kind": ...

    def parts(self, text: str, step: "Step") -> Sequence[str | Code]: ...

    def facts(self, node: SourceNode) -> dict[str, JSON]: ...


@dataclass(frozen=True)
class Kind:
    """What one node type of a product becomes: an entry of its table.

    `becomes` are our types, `note` what the reader should know. To support a type, add an entry.
    """

    status: Status
    becomes: tuple[str, ...]
    make: Callable[["Step"], None]
    note: str = ""


class Step:
    """Makes nodes of one source node, and notes what was changed or left out."""

    def __init__(self, draft: Draft, source: SourceNode, dialect: Dialect) -> None:
        self.draft = draft
        self.source = source
        self.config = source.config
        self.dialect = dialect
        self.kind = dialect.kind(source)
        self.status: Status = self.kind.status
        self.id = draft.ids[source.id]
        self.label = words(source.name)[:200]
        self.nodes: list[str] = []
        self.messages: list[str] = [self.kind.note] if self.kind.note else []

    # What is said in the report.

    def tell(self, message: str) -> None:
        """Say something that changes nothing of what the node does."""
        if message and message not in self.messages:
            self.messages.append(message)

    def changed(self, message: str) -> None:
        """Say that the node does not do quite the same."""
        self.tell(message)
        if message and self.status == "mapped":
            self.status = "approximated"

    def failed(self, source: str, reason: str) -> Code:
        """What stands where an expression could not be translated, which is said."""
        shown = " ".join(source.split())[:MAX_SHOWN]
        self.changed(f"Write this expression again, as {reason}: {shown}")
        return unwritten(source)

    # Values.

    def parts(self, text: str) -> list[str | Code]:
        made: list[str | Code] = []
        for part in self.dialect.parts(text, self):
            if isinstance(part, Code):
                try:
                    part = checked(part)
                except Untranslatable as error:
                    part = self.failed(part.text, str(error))
            made.append(part)
        return made

    def text(self, value: JSON, *, template: bool = False) -> str:
        """A text of the source as a config holds it; what is no text becomes one."""
        if isinstance(value, str):
            return as_text(self.parts(value), template=template)
        if isinstance(value, dict | list):
            return as_text([json.dumps(value, ensure_ascii=False)], template=template)
        return "" if value is None else as_text([str(value)])

    def value(self, value: JSON) -> JSON:
        """Any value with the expressions in its texts translated."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {str(key): self.value(item) for key, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list) else value

    def code(self, value: JSON) -> Code:
        """Any value as one expression."""
        if isinstance(value, str):
            return as_code(self.parts(value))
        if isinstance(value, dict | list):
            return literal(value)
        return literal(value)

    def arriving(self, *keys: str) -> Code:
        """What the nodes before gave (a part of it), or a failure that is said."""
        try:
            return self.draft.carried(self.source.id, keys)
        except Untranslatable as error:
            return self.failed("what arrives at this node", str(error))

    def condition(self, make: Callable[[], Code], shown: str) -> str:
        """A condition as a config holds it; `make` may raise Untranslatable."""
        try:
            return braced(checked(make()))
        except Untranslatable as error:
            return braced(self.failed(shown, str(error)))

    # Nodes.

    def become(
        self,
        kind: str,
        config: Mapping[str, JSON],
        *,
        exits: Mapping[str, str] | None = None,
        shape: Shape | None = None,
        **more: JSON,
    ) -> Made:
        """The node that stands for this one. `exits`: ports of the source → ours."""
        entry = {"id": self.id, "type": kind, "config": config, **more}
        entry |= self.dialect.facts(self.source)
        if self.label:
            entry["label"] = self.label
        place = (self.source.x, self.source.y)
        self.nodes.append(self.draft.add(entry, self.draft.boxes.get(self.source.id), place))
        ports = {port: (self.id, ours) for port, ours in (exits or {}).items()}
        if entry.get("on_error") == "branch":
            ports["@error"] = (self.id, "error")
        shape = shape or Shape()
        if entry.get("on_error") == "branch":
            shape = replace(shape, fields={**_ERRORS, **shape.fields})
        made = Made(self.id, self.id, ports, shape=shape)
        made.last = None if exits else (self.id, "out")
        self.draft.made[self.source.id] = made
        return made

    def then(self, suffix: str, kind: str, config: Mapping[str, JSON], name: str = "") -> str:
        """One more node after what this one became; returns its id (`name`, where it is taken)."""
        made = self.draft.made[self.source.id]
        name = name or self.draft.new_id(f"{self.id}_{suffix}")
        entry: dict[str, JSON] = {"id": name, "type": kind, "config": dict(config)}
        entry["label"] = f"{self.label} ({suffix})"[:200]
        place = (self.source.x + 30, self.source.y + 90)
        self.nodes.append(self.draft.add(entry, self.draft.boxes.get(self.source.id), place))
        if made.last is not None:
            self.draft.connect(*made.last, name)
        made.last = (name, "out")
        return name

    def note(self, text: str, *, beside: bool = True) -> None:
        """A note for the reader; braces in it mean nothing."""
        name = self.draft.new_id(f"{self.id}_note") if beside else self.id
        entry = {"id": name, "type": "note", "config": {"text": text[:MAX_NOTE]}}
        place = (self.source.x, self.source.y + (130 if beside else 0))
        self.nodes.append(self.draft.add(entry, None, place))

    def fold(self, into: str) -> None:
        """This node is no step of its own: it became a part of another."""
        self.tell(f"It became a part of '{into}'.")


def missing(step: Step, why: str = "") -> None:
    """What has no like here: a step that says so when it is reached, and a note with its settings.

    The step is a transform whose value is yet to be written, so validation names it and a run
    that gets there fails; what reads it keeps its references. `why` says what to do instead.
    """
    step.status = "unsupported"
    what = f"{step.source.type} of {step.dialect.title}"
    step.tell(why or f"'{step.source.type}' has no like here. Replace it, or remove it.")
    step.become(
        "transform", {"fields": {"result": braced(unwritten(what))}}, shape=Shape(("result",))
    )
    settings = json.dumps(dict(step.config), ensure_ascii=False, indent=2, default=str)
    name = step.label or step.source.type
    step.note(f"**{name}** ({what}) has to be replaced.\n\n```json\n{settings}\n```")


def pass_on(step: Step) -> None:
    """A node that does nothing but hand on what arrives."""
    step.become("merge", {"mode": "first"}, shape=Shape(through=True))


def as_note(text: Callable[[Step], str]) -> Callable[[Step], None]:
    """A mapping of a comment on the canvas."""

    def make(step: Step) -> None:
        step.note(text(step), beside=False)

    return make


def named_case(name: str, taken: set[str], number: int) -> str:
    """A valid name of a switch's case, used once."""
    from flows.importing.draft import valid_id

    base = valid_id(name)[:50] if name.strip() else f"case_{number}"
    made, count = base, 1
    while made in taken or made in ("default", "error"):
        count += 1
        made = f"{base}_{count}"
    taken.add(made)
    return made
