"""Documents as they are sent: an object, or JSON or YAML text."""

from typing import Any

from flows.engine.document import Document, admit
from fluxprompt.api.problems import refuse


def document_in(source: Any) -> Document:
    """Refuses what is neither; DocumentInvalid where it is no flow."""
    if not isinstance(source, str | dict):
        raise refuse(
            422, "type", "A document has to be an object, or JSON or YAML text.", "document"
        )
    # The YAML parser wants `str` itself, no subclass.
    return admit(str(source) if isinstance(source, str) else source)
