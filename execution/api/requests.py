"""What a call about runs asks for: the body of a start, its headers, the filters of a list."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from execution.models import RunStatus
from execution.options import asked_options
from fluxprompt.api.moments import moment as moment
from fluxprompt.api.problems import refuse
from fluxprompt.api.views import text_field

#: Seconds that `Prefer: wait` may ask for.
MAX_WAIT_SECONDS = 60
KEY_LENGTH = 200
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})\"?(?=$|[,;\s])", re.IGNORECASE)
_VISIBLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class StartRequest:
    """A run to start."""

    inputs: dict[str, Any]
    version: str | int
    session_id: str | None
    priority: int | None
    options: dict[str, Any]


@dataclass(frozen=True)
class RerunRequest:
    """A run to repeat; None stands for what the run had."""

    start: str | None
    inputs: dict[str, Any] | None
    version: str | int | None
    only_failed: bool


def start_request(body: dict[str, Any]) -> StartRequest:
    """Refuses what has another shape, naming the field."""
    return StartRequest(
        inputs=_object(body, "inputs") or {},
        version=_version(body.get("version", "published")),
        session_id=text_field(body, "session_id", most=200) or None,
        priority=_priority(body.get("priority")),
        options=asked_options(
            text_field(body, "until", most=63) or None,
            text_field(body, "only", most=63) or None,
            _object(body, "given"),
        ),
    )


def rerun_request(body: dict[str, Any]) -> RerunRequest:
    """Refuses what has another shape, naming the field."""
    version, only_failed = body.get("version"), body.get("only_failed")
    if not isinstance(only_failed, bool | None):
        raise refuse(422, "type", "'only_failed' has to be true or false.", "only_failed")
    return RerunRequest(
        start=text_field(body, "from", most=63) or None,
        inputs=_object(body, "inputs"),
        version=None if version is None else _version(version),
        only_failed=bool(only_failed),
    )


def _object(body: dict[str, Any], field: str) -> dict[str, Any] | None:
    given = body.get(field)
    if given is not None and not isinstance(given, dict):
        means = "node → its output" if field == "given" else "field → value"
        raise refuse(422, "type", f"'{field}' has to be an object: {means}.", field)
    return given


def run_id(given: str, name: str) -> UUID | None:
    """The id of a run in a query string; None where nothing is given."""
    try:
        return UUID(given) if given else None
    except ValueError:
        raise refuse(400, "bad_parameter", f"'{name}' has to be a run's id.", name) from None


def _priority(given: Any) -> int | None:
    if given is None:
        return None
    if isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= 5:
        return given
    raise refuse(422, "value", "'priority' has to be a number from 1 (first) to 5.", "priority")


def _version(given: Any) -> str | int:
    if given in ("published", "draft") and isinstance(given, str):
        return str(given)
    if isinstance(given, int) and not isinstance(given, bool) and 1 <= given < 2**31:
        return given
    raise refuse(
        422,
        "value",
        '\'version\' has to be "published", "draft" or a version\'s number.',
        "version",
    )


def wait_seconds(prefer: str) -> int | None:
    """Seconds of `Prefer: wait=N`, 60 at most; None where it does not ask."""
    found = _WAIT.search(prefer)
    return min(int(found[1]), MAX_WAIT_SECONDS) if found else None


def idempotency_key(header: str | None) -> str | None:
    """The Idempotency-Key header, if it can be kept."""
    if header is None or not header.strip():
        return None
    key = header.strip()
    if len(key) > KEY_LENGTH or not _VISIBLE.fullmatch(key.replace(" ", "_")):
        raise refuse(
            400,
            "bad_idempotency_key",
            f"An Idempotency-Key has up to {KEY_LENGTH} visible ASCII characters.",
            "Idempotency-Key",
        )
    return key


def statuses(given: str) -> list[str]:
    """One or more statuses, comma between."""
    wanted = [part.strip() for part in given.split(",") if part.strip()]
    for status in wanted:
        if status not in RunStatus.values:
            raise refuse(
                400,
                "bad_parameter",
                f"'{status[:30]}' is no status. One of: {', '.join(RunStatus.values)}.",
                "status",
            )
    return wanted
