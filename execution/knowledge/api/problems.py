"""What the knowledge services' refusals look like as problem documents."""

from execution.knowledge.errors import CollectionGone, KnowledgeFull, KnowledgeInvalid
from flows.engine.errors import NodeError
from fluxprompt.api.problems import RETRY_AFTER_SECONDS, ApiProblem, RequestRefused, converts


@converts(KnowledgeInvalid)
def invalid(error: KnowledgeInvalid) -> ApiProblem:
    entry = {"path": error.field, "code": error.code, "message": error.message}
    return ApiProblem(422, error.code, error.message, [entry])


@converts(KnowledgeFull)
def full(error: KnowledgeFull) -> ApiProblem:
    return ApiProblem(409, error.code, str(error))


@converts(CollectionGone)
def gone(error: CollectionGone) -> ApiProblem:
    return ApiProblem(404, error.code, str(error))


def search_failed(error: NodeError) -> RequestRefused:
    """A search that could not be made: by what was asked (422), or for now (503)."""
    entry = {"path": error.field or "query", "code": error.code, "message": error.message}
    if error.retryable:
        wait = str(max(RETRY_AFTER_SECONDS, round(error.retry_after or 0)))
        return RequestRefused(
            ApiProblem(503, error.code, error.message, headers={"Retry-After": wait})
        )
    return RequestRefused(ApiProblem(422, error.code, error.message, [entry]))
