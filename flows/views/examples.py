"""The templates as a builder is offered them."""

from dataclasses import dataclass
from functools import cache

from flows.catalogue import Entry, catalogue
from flows.engine.document import Document, parse
from flows.views.picture import Picture, picture


@dataclass(frozen=True)
class Example:
    """A flow to start from; `key` is its file's name."""

    key: str
    document: Document
    picture: Picture
    entry: Entry


@cache
def examples() -> tuple[Example, ...]:
    """All of them, in the order of the index; read once, they come with the release."""
    found = []
    for entry in catalogue():
        document = parse(entry.file.read_text())
        found.append(Example(entry.key, document, picture(document), entry))
    return tuple(found)


def example(key: str) -> Example | None:
    """The template of this key, or None."""
    return next((entry for entry in examples() if entry.key == key), None)
