"""What the flows app's exceptions look like as problem documents."""

from typing import Any

from flows.change_log import TooOld
from flows.engine.errors import DocumentInvalid, Problem
from flows.importing.result import ImportRefused
from flows.organizing import LimitReached, NameRefused, PlaceGone
from flows.services import FlowGone, FlowInUse, StaleRevision, VersionMissing
from fluxprompt.api.problems import ApiProblem, converts


@converts(DocumentInvalid)
def document_invalid(error: DocumentInvalid) -> ApiProblem:
    errors = [problem for problem in error.problems if problem.severity == "error"]
    first = errors[0] if errors else error.problems[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return ApiProblem(
        422,
        error.code,
        f"{first.message}{more}",
        [error_entry(problem) for problem in errors],
        extra={"problems": [problem.as_dict() for problem in error.problems]},
    )


def error_entry(problem: Problem) -> dict[str, Any]:
    """A problem of a document as an entry of `errors`; the path leads from the document's root."""
    place = f"nodes.{problem.node}" if problem.node else ""
    path = ".".join(part for part in (place, problem.path) if part)
    return {"path": path, "code": problem.code, "message": problem.message}


@converts(ImportRefused)
def import_refused(error: ImportRefused) -> ApiProblem:
    entry = {"path": "text", "code": error.code, "message": str(error)}
    return ApiProblem(422, error.code, str(error), [entry])


@converts(StaleRevision)
def stale(error: StaleRevision) -> ApiProblem:
    return ApiProblem(
        412,
        error.code,
        str(error),
        extra={"revision": error.current},
        headers={"ETag": f'"{error.current}"'},
    )


@converts(FlowInUse)
def in_use(error: FlowInUse) -> ApiProblem:
    return ApiProblem(409, error.code, str(error))


@converts(NameRefused)
def name_refused(error: NameRefused) -> ApiProblem:
    named = {"path": "name", "code": error.code, "message": str(error)}
    return ApiProblem(422, error.code, str(error), [named])


@converts(LimitReached)
def limit_reached(error: LimitReached) -> ApiProblem:
    return ApiProblem(422, error.code, str(error))


@converts(FlowGone, VersionMissing, PlaceGone)
def not_there(error: FlowGone | VersionMissing | PlaceGone) -> ApiProblem:
    return ApiProblem(404, error.code, str(error))


@converts(TooOld)
def too_old(error: TooOld) -> ApiProblem:
    return ApiProblem(409, error.code, str(error))
