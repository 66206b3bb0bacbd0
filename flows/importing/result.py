"""What an import gives: the document, and an honest report of what became of every node."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from flows.engine.document import Document, dump

type Status = Literal["mapped", "approximated", "unsupported"]
STATUSES: tuple[Status, ...] = ("mapped", "approximated", "unsupported")


class ImportRefused(Exception):
    """A text that cannot be imported at all; the message says why and what to do."""

    code = "import_refused"


@dataclass(frozen=True)
class Row:
    """What became of one node of the source. `nodes` are ids in the document, maybe none."""

    source_id: str
    source_name: str
    source_type: str
    status: Status
    nodes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "source_id": self.source_id,
            "source_name": self.source_name,
            "source_type": self.source_type,
            "status": self.status,
            "nodes": list(self.nodes),
            "messages": list(self.messages),
        }


@dataclass(frozen=True)
class Imported:
    """A flow that was read. `product` is fluxprompt, n8n, flowise or dify.

    `messages` are about the flow as a whole: credentials, triggers, variables.
    """

    product: str
    product_version: str
    document: Document
    rows: tuple[Row, ...] = ()
    messages: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many nodes of the source have each status."""
        found = Counter(row.status for row in self.rows)
        return {status: found[status] for status in STATUSES}

    def as_dict(self) -> dict[str, Any]:
        """Document and report as the API gives them."""
        return {
            "document": dump(self.document),
            "report": {
                "product": self.product,
                "product_version": self.product_version,
                "counts": self.counts,
                "messages": list(self.messages),
                "rows": [row.as_dict() for row in self.rows],
            },
        }
