"""What can go wrong with a document or a node, in words a builder can act on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flows.engine.json_values import cleaned, storable_text


@dataclass(frozen=True)
class Problem:
    """One finding of validation. `path` is where in the node's config (`fields[0].name`)."""

    code: str
    message: str
    node: str | None = None
    path: str | None = None
    severity: Literal["error", "warning"] = "error"

    def as_dict(self) -> dict[str, Any]:
        """As it is told; what it repeats of a document may be text that cannot be sent."""
        return {
            "code": self.code,
            "severity": self.severity,
            "node": self.node and storable_text(self.node),
            "path": self.path and storable_text(self.path),
            "message": storable_text(self.message),
        }


#: Problems that are told of one document; nobody works through more in one go.
MAX_PROBLEMS = 200


def limited(problems: Sequence[Problem]) -> list[Problem]:
    """The problems, or MAX_PROBLEMS of them and one that counts the others. Errors go first.

    The last one is an error where one was left out, so an error always remains one.
    """
    if len(problems) <= MAX_PROBLEMS:
        return list(problems)
    places = sorted(range(len(problems)), key=lambda at: problems[at].severity != "error")
    kept = [problems[at] for at in sorted(places[:MAX_PROBLEMS])]
    severity = problems[places[MAX_PROBLEMS]].severity
    message = f"There are {len(problems) - MAX_PROBLEMS:,} more problems. Solve these first."
    return [*kept, Problem("more_problems", message, severity=severity)]


class DocumentInvalid(Exception):
    """A document that cannot be read as a flow; `problems` is never empty, and `limited`."""

    code = "document_invalid"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems[0].message)
        self.problems = limited(problems)


class NodeError(Exception):
    """A node could not do its work.

    `code` is stable for programs, `message` says to the builder what happened and what to do.
    `retryable`: the cause may pass, so another attempt may succeed. `refused`: the other side did
    nothing of what was asked, so asking again does nothing twice, whatever it was.
    `retry_after` is in seconds, as told by the other side (HTTP Retry-After).
    `field` names the config field at fault, `details` holds small JSON facts (status, request).
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        refused: bool = False,
        retry_after: float | None = None,
        field: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.refused = refused
        self.retry_after = retry_after
        self.field = field
        self.details = details or {}

    def as_dict(self) -> dict[str, Any]:
        """What is recorded; what the other side said is made fit to be stored."""
        facts: dict[str, Any] = {"code": self.code, "message": storable_text(self.message)}
        if self.field:
            facts["field"] = storable_text(self.field)
        if self.details:
            facts["details"] = cleaned(self.details)
        return facts


class NeedsLoad(Exception):
    """An expression touched a value held by reference and no loader was given.

    Raised in workflow code, where nothing may be loaded; the node then runs as an activity.
    """

    def __init__(self, reference: dict[str, Any]) -> None:
        super().__init__("a referenced value has to be loaded")
        self.reference = reference
