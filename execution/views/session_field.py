"""The field of a run's form that says whose memory the run has, for flows that remember."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.engine.document import Document
from flows.storable import bad_text

JSON = Any
NAME = "session"
#: What stands in it: runs that people try share a session, and hear one another.
FIRST = "trial"
#: Characters of a session id.
LONGEST = 200


@dataclass(frozen=True)
class SessionField:
    """What stands in the control, and what is wrong with it."""

    value: str = FIRST
    error: str = ""

    @property
    def session_id(self) -> str | None:
        return self.value or None


def keeps_sessions(document: Document) -> bool:
    """Whether a node remembers something of a session."""
    return any(
        bool(node.config.get("memory"))
        or (node.type == "memory" and node.config.get("scope") not in ("flow", "workspace"))
        for node in document.nodes
    )


def session_field(
    document: Document, data: Mapping[str, JSON] | None = None
) -> SessionField | None:
    """The field for a document, with what was sent; None where nothing is remembered."""
    if not keeps_sessions(document):
        return None
    if data is None or NAME not in data:
        return SessionField()
    value = str(data[NAME]).strip()
    reason = bad_text(value)
    if reason is None and len(value) > LONGEST:
        reason = f"has more than {LONGEST} characters"
    return SessionField(value, f"The session {reason}." if reason else "")
