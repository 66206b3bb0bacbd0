"""Variables that a flow of the source changes on its way, as reads of the step that set them last.

Our flows have no variables that change. A read becomes the value of the nearest step before that
sets it (of those on other branches, the one that ran), else what it begins with.
"""

from dataclasses import dataclass, field

from flows.importing.code import Code, literal, or_else
from flows.importing.draft import Draft


@dataclass(frozen=True)
class Writer:
    """A node of ours (made of `source`) whose field `name` is the variable's new value."""

    source: str
    name: str
    node: str


@dataclass
class Variables:
    """`initial`: what each begins with. `is_kept`: it is what the last round left, too."""

    initial: dict[str, Code] = field(default_factory=dict)
    writers: list[Writer] = field(default_factory=list)
    is_kept: bool = False

    def declare(self, source: str, name: str, node: str) -> None:
        self.writers.append(Writer(source, name, node))

    def read(self, draft: Draft, reader: str, name: str) -> Code:
        """The variable's value where `reader` is."""
        before = draft.ancestors(reader)
        here = draft.boxes.get(reader)
        around = list(here.chain()) if here else []
        found: list[tuple[int, int, Writer]] = []
        for writer in self.writers:
            if writer.name != name:
                continue
            box = draft.boxes.get(writer.source)
            together = box is not None and box in around
            far = -len(draft.ancestors(writer.source))
            if writer.source in before:
                found.append((0 if together else 2, far, writer))
            elif together and not self.is_kept:
                found.append((1, far, writer))
        codes = [
            draft.reach(reader, writer.source, writer.node).get(name)
            for _, _, writer in sorted(found, key=lambda one: one[:2])
        ]
        return or_else([*codes, self.initial.get(name, literal(None))])
