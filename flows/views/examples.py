"""The example flows as a builder is offered them."""

from dataclasses import dataclass
from functools import cache

from flows.engine.document import Document, parse
from flows.services import EXAMPLES
from flows.views.picture import Picture, picture


@dataclass(frozen=True)
class Example:
    """A flow to start from; `key` is its file's name."""

    key: str
    document: Document
    picture: Picture


@cache
def examples() -> tuple[Example, ...]:
    """All of them, by file name; read once, they come with the release."""
    found = []
    for file in sorted(EXAMPLES.glob("*.yaml")):
        document = parse(file.read_text())
        found.append(Example(file.stem, document, picture(document)))
    return tuple(found)


def example(key: str) -> Example | None:
    """The example of this key, or None."""
    return next((entry for entry in examples() if entry.key == key), None)
