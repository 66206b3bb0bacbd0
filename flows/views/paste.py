"""What was pasted into an editor and is no JSON: read as YAML, and handed back as plain nodes."""

import json
from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from accounts.web import workspace_page
from flows.engine.document import SCHEMA, admit, dump
from flows.engine.document_text import MAX_BYTES, read_text, too_large
from flows.engine.errors import DocumentInvalid, Problem
from flows.views.actions import visible_flow
from flows.views.page_request import PageRequest

CLIP_SCHEMA = "fluxprompt.clip/v1"


@require_POST
@workspace_page
def paste(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """`{text}` → `{schema, nodes, edges, layout}`, as the editor copies nodes. Parses only.

    The text is a document, a clip, some of its parts, one node or a list of nodes, as YAML or
    JSON. 422 with `detail` and `problems` where it is none of these.
    """
    visible_flow(request, flow_id)
    try:
        return JsonResponse(_clip(_text(request.body)))
    except DocumentInvalid as invalid:
        first = next((p for p in invalid.problems if p.severity == "error"), invalid.problems[0])
        problems = [problem.as_dict() for problem in invalid.problems]
        return JsonResponse(
            {"code": invalid.code, "detail": first.message, "problems": problems}, status=422
        )


def _text(body: bytes) -> str:
    # Quotes and line ends of a text are escaped in JSON.
    if len(body) > 2 * MAX_BYTES:
        raise too_large()
    try:
        text = json.loads(body)["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        text = None
    if not isinstance(text, str):
        message = 'Send {"text": "…"} with what was pasted.'
        raise DocumentInvalid([Problem("paste_shape", message, path="text")])
    return text


def _clip(text: str) -> dict[str, Any]:
    """Raises DocumentInvalid where the text holds no nodes."""
    data = read_text(_as_mapping(text))
    if "nodes" not in data and {"id", "type"} <= data.keys():
        data = {"nodes": [data]}
    if data.get("schema") == CLIP_SCHEMA:
        data["schema"] = SCHEMA
    data.setdefault("name", "Pasted")
    document = dump(admit(data))
    if not document["nodes"]:
        raise DocumentInvalid([Problem("nothing_pasted", "There are no nodes in this text.")])
    return {
        "schema": CLIP_SCHEMA,
        "nodes": document["nodes"],
        "edges": document.get("edges", []),
        "layout": document.get("layout", {}),
    }


def _as_mapping(text: str) -> str:
    """A list of nodes, as people copy them from a document, under the key it has there."""
    lines = text.splitlines()
    first = next((line for line in lines if line.strip() and line.strip()[0] != "#"), "")
    return f"nodes:\n{text}" if first.lstrip().startswith("- ") else text
