"""The REST call that imports another product's flow, without making anything."""

from typing import Any, ClassVar

from rest_framework.response import Response

from flows.api import schemas
from flows.importing.reading import read
from flows.importing.result import STATUSES
from fluxprompt.api.openapi import call
from fluxprompt.api.problems import refuse
from fluxprompt.api.views import ApiView

_TEXTS = {"type": "array", "items": {"type": "string"}}
_ROW_EXAMPLE = {
    "source_id": "5f1c",
    "source_name": "Look up",
    "source_type": "n8n-nodes-base.airtable",
    "status": "unsupported",
    "nodes": ["look_up", "look_up_note"],
    "messages": ["'n8n-nodes-base.airtable' has no like here. Replace it, or remove it."],
}
_ROW: dict[str, Any] = {
    "type": "object",
    "required": list(_ROW_EXAMPLE),
    "properties": {
        "source_id": {"type": "string"},
        "source_name": {"type": "string"},
        "source_type": {"type": "string"},
        "status": {"enum": list(STATUSES)},
        "nodes": {**_TEXTS, "description": "Ids of the nodes that it became."},
        "messages": {**_TEXTS, "description": "What was changed or left out, and what to do."},
    },
}
_REPORT: dict[str, Any] = {
    "type": "object",
    "required": ["product", "product_version", "counts", "messages", "rows"],
    "properties": {
        "product": {"enum": ["fluxprompt", "n8n", "flowise", "dify"]},
        "product_version": {"type": "string"},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        "messages": {**_TEXTS, "description": "About the flow as a whole."},
        "rows": {"type": "array", "items": _ROW},
    },
}


class ImportView(ApiView):
    """A flow of another product as a document, with a report of every node."""

    required_action: ClassVar = {"POST": "flow.create"}

    @call(
        "import_flow",
        "Turn a flow of n8n, Flowise or Dify into a document",
        {
            200: (
                "The document, and what became of every node",
                {
                    "type": "object",
                    "required": ["document", "report"],
                    "properties": {"document": schemas.DOCUMENT, "report": _REPORT},
                },
                {
                    "document": schemas.DOCUMENT_EXAMPLE,
                    "report": {
                        "product": "n8n",
                        "product_version": "unknown",
                        "counts": {"mapped": 2, "approximated": 0, "unsupported": 1},
                        "messages": ["Connect these credentials again, they are never taken over."],
                        "rows": [_ROW_EXAMPLE],
                    },
                },
            )
        },
        description="Nothing is kept and nothing runs. Send the document to `POST /flows`.",
        body={
            "type": "object",
            "required": ["text"],
            "properties": {"text": {"type": "string", "description": "The file's content."}},
            "additionalProperties": False,
        },
        body_example={"text": '{"nodes": [], "connections": {}}'},
        tag="Flows",
    )
    def post(self, request: Any) -> Response:
        text = self.object_body("text").get("text")
        if text is None:
            raise refuse(422, "required", "'text' is missing: the content of the file.", "text")
        if not isinstance(text, str):
            raise refuse(422, "type", "'text' has to be the file's content as text.", "text")
        return Response(read(str(text)).as_dict())
