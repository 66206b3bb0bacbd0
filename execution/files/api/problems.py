"""What the files app's exceptions look like as problem documents."""

from execution.files.errors import FileRefused
from fluxprompt.api.problems import RETRY_AFTER_SECONDS, ApiProblem, converts

_STATUS = {"file_too_large": 413, "file_storage_unavailable": 503, "storage_full": 409}


@converts(FileRefused)
def file_refused(error: FileRefused) -> ApiProblem:
    status = _STATUS.get(error.code, 422)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
    entry = {"path": "file", "code": error.code, "message": error.message}
    return ApiProblem(status, error.code, error.message, [entry], headers=headers)
