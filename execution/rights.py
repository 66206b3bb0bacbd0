"""By whose rights a run reaches what is of private flows. Database code."""

from uuid import UUID

from accounts.permissions import Actor
from execution.files.models import File
from execution.models import Run
from flows.models import Flow, Visibility
from flows.sharing import as_person


def rights_of(run: Run) -> Actor | None:
    """Who published the flow that runs, or, of a draft, who runs it; None where they left.

    Not who runs a published flow: they need not know what it reaches. Nor its maker: whoever edits
    it after them could reach what only they may.
    """
    if run.version is None:
        return _started_by(run)
    return as_person(run.version.created_by_id, run.workspace_id)


def _started_by(run: Run) -> Actor | None:
    by = run.api_key.created_by_id if run.api_key is not None else run.created_by_id
    return as_person(by, run.workspace_id)


def may_read(run_id: UUID, flow_id: UUID, file: File) -> bool:
    """Whether a run, one of the flow `flow_id`, may read a file of its workspace.

    What another flow made, which is private or deleted, is read by the run's rights; by those of
    who started it only where they named it themselves; and within the family that made it.
    """
    if file.flow_id is None or file.flow_id == flow_id:
        return True
    if Flow.objects.filter(id=file.flow_id, visibility=Visibility.WORKSPACE).exists():
        return True
    run = Run.objects.select_related("version", "api_key").filter(id=run_id).first()
    if run is None:
        return False
    first = UUID(run.lineage[0]) if run.lineage else run.id
    return (
        _is_made_below(first, file)
        or _sees(rights_of(run), file)
        or (_is_given(first, file) and _sees(_started_by(run), file))
    )


def _is_made_below(first: UUID, file: File) -> bool:
    """By a run, or by one of its sub-flows at any depth."""
    if file.run_id is None or file.run_id == first:
        return file.run_id is not None
    return Run.objects.filter(id=file.run_id, lineage__contains=[str(first)]).exists()


def _is_given(first: UUID, file: File) -> bool:
    """Whether a run's inputs name it; what travels by reference, as long texts do, names none."""
    inputs = Run.objects.filter(id=first).values_list("inputs", flat=True).first()
    return str(file.id) in str(inputs).lower()


def _sees(person: Actor | None, file: File) -> bool:
    return person is not None and File.objects.visible_to(person).filter(id=file.id).exists()
