"""What the embedded stack tells a person when it cannot go on."""

import psycopg


class StackError(Exception):
    """One sentence that says what is wrong and what to do; shown without a traceback."""


def first_cause(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error of a group to tell: the clearest, which is a sentence of ours if there is one.

    A database's error becomes such a sentence; a fault of ours keeps its trace.
    """
    single = _single(errors)
    for kind in (StackError, OSError, psycopg.Error):
        error = next((error for error in single if isinstance(error, kind)), None)
        if isinstance(error, psycopg.Error):
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            return StackError(f"The database failed during the start: {reason.rstrip('.')}.")
        if error is not None:
            return error
    return single[0]


def _single(errors: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in errors.exceptions:
        found += _single(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
