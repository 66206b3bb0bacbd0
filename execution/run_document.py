"""The document that a run carries out: what it is pinned to, cut to what was asked for."""

from functools import lru_cache
from typing import Any

from execution.models import Run
from flows.engine.document import Document, parse
from flows.engine.graph import Graph
from flows.engine.part_of import part_of

JSON = Any


def document_of(run: Run) -> Document:
    """The document of a run as it is carried out. The run with its version and snapshot."""
    pinned = run.version or run.snapshot
    assert pinned is not None, "a run is pinned to a version or a snapshot"
    return carried_out(parse(pinned.document), run.options)


def carried_out(document: Document, options: dict[str, JSON]) -> Document:
    """The part of a document that a run with these options carries out."""
    return part_of(document, until=options.get("until"), only=options.get("only"))


# A graph is read by every part of a large map; it never changes.
@lru_cache(maxsize=64)
def graph_of(run_id: str) -> Graph:
    """The graph of a run."""
    return Graph(document_of(Run.objects.select_related("version", "snapshot").get(id=run_id)))
