"""The document that a run carries out: what it is pinned to, cut to what was asked for."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from execution.models import Run
from execution.parts_of_flows import carried_out
from execution.pinned import Pinned
from flows.engine.document import Document, parse
from flows.engine.graph import Graph
from flows.engine.migrate import migrated
from flows.engine.registry import registry
from flows.models import FlowVersion

JSON = Any


def document_of(run: Run) -> Document:
    """The document of a run as it is carried out. The run with its version and snapshot."""
    pinned = run.version or run.snapshot
    assert pinned is not None, "a run is pinned to a version or a snapshot"
    return carried_out(migrated(parse(pinned.document), registry()), run.options)


def graph_of_run(run: Run, pinned: Pinned) -> Graph:
    """The graph of a run that is about to begin; that of a whole version is made once."""
    if pinned.version_id is not None and not run.options:
        return _graph_of_version(pinned.version_id)
    document = migrated(parse(dict(pinned.whole_document())), registry())
    return Graph(carried_out(document, run.options))


@lru_cache(maxsize=256)
def _graph_of_version(version_id: UUID) -> Graph:
    document = FlowVersion.objects.values_list("document", flat=True).get(id=version_id)
    return Graph(migrated(parse(document), registry()))


# A graph is read by every part of a large map; it never changes.
@lru_cache(maxsize=64)
def graph_of(run_id: str) -> Graph:
    """The graph of a run."""
    return Graph(document_of(Run.objects.select_related("version", "snapshot").get(id=run_id)))
