"""By whose rights a run reaches what is of private flows. Database code."""

from uuid import UUID

from accounts.permissions import Actor
from execution.files.models import File
from execution.models import Run
from execution.pinned import pin_again
from flows.engine.inputs import validate_inputs
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
    rows = Run.objects.select_related("version", "api_key", "snapshot")
    run = rows.filter(id=run_id).first()
    if run is None:
        return False
    first_id = UUID(run.lineage[0]) if run.lineage else run.id
    first = rows.filter(id=first_id).first()
    return (
        _is_made_below(first_id, file)
        or _sees(rights_of(run), file)
        or (first is not None and _is_named(first, file))
    )


def _is_made_below(first: UUID, file: File) -> bool:
    """By a run, or by one of its sub-flows at any depth."""
    if file.run_id is None or file.run_id == first:
        return file.run_id is not None
    return Run.objects.filter(id=file.run_id, lineage__contains=[str(first)]).exists()


def _is_named(run: Run, file: File) -> bool:
    """Whether who started the run sees the file, and named it in the inputs themselves.

    A default is the flow's word, not theirs, and what a rerun took over is that of the run before.
    """
    if not _has(run.inputs, file) or not _sees(_started_by(run), file):
        return False
    defaults, _ = validate_inputs(pin_again(run).fields, {})
    if _has(defaults, file):
        return False
    if "rerun" not in run.options:
        return True
    before = run.rerun_of  # None: it was deleted, and nobody knows who named what
    return before is not None and (not _has(before.inputs, file) or _is_named(before, file))


def _has(values: object, file: File) -> bool:
    """Whether values name it; what travels by reference, as long texts do, names none."""
    return str(file.id) in str(values).lower()


def _sees(person: Actor | None, file: File) -> bool:
    return person is not None and File.objects.visible_to(person).filter(id=file.id).exists()
