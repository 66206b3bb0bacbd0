"""REST views of documents: a flow's draft, and what is wrong with a document."""

import re
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.response import Response

from flows import queries, services
from flows.api import schemas
from flows.api.payloads import flow_detail
from flows.api.sources import document_in
from flows.api.views import FlowView
from flows.engine.document import dump_json, dump_yaml
from flows.engine.errors import DocumentInvalid
from flows.models import Flow
from fluxprompt.api.openapi import PROBLEM, call, parameter
from fluxprompt.api.parsing import YAML
from fluxprompt.api.problems import refuse
from fluxprompt.api.views import ApiView

_REVISION = re.compile(r'(?:W/)?"(\d{1,9})"')


def _names(tags: str, revision: int) -> bool:
    """Whether `*` or one of a list of tags, weak ones too, is the revision (RFC 9110, 13.1.2)."""
    if tags.strip() == "*":
        return True
    return revision in (int(number) for number in _REVISION.findall(tags))


class DocumentView(FlowView):
    """The draft of a flow as a document."""

    takes_yaml = True
    required_action: ClassVar = {"GET": "flow.read", "PUT": "flow.edit"}

    @call(
        "get_document",
        "Get the draft as a document",
        {
            200: (
                "The document; `ETag` is its revision",
                schemas.DOCUMENT,
                schemas.DOCUMENT_EXAMPLE,
            ),
            304: ("The revision in `If-None-Match` is the current one", None, None),
        },
        answer_types=("application/json", YAML),
        parameters=(
            parameter("format", "`json` or `yaml`; wins over `Accept`."),
            parameter("If-None-Match", "A revision; 304 where it is the current one.", header=True),
        ),
        tag="Flows",
    )
    def get(self, request: Any, flow: str) -> HttpResponse:
        found = self.flow(flow)
        tag = f'"{found.revision}"'
        if _names(request.headers.get("If-None-Match", ""), found.revision):
            return HttpResponse(status=304, headers={"ETag": tag, "Vary": "Accept"})
        document = queries.draft_document(found)
        if self.wants_yaml:
            text, kind = dump_yaml(document), f"{YAML}; charset=utf-8"
        else:
            text, kind = dump_json(document), "application/json"
        return HttpResponse(text, content_type=kind, headers={"ETag": tag, "Vary": "Accept"})

    @call(
        "put_document",
        "Replace the draft",
        {
            200: ("The flow", schemas.FLOW_DETAIL, schemas.FLOW_DETAIL_EXAMPLE),
            412: ("The draft is at another revision than `If-Match`", PROBLEM, None),
        },
        description="A draft with problems is kept; only what cannot be read is refused.",
        bodies={"application/json": schemas.DOCUMENT, YAML: {"type": "string"}},
        body_example=schemas.DOCUMENT_EXAMPLE,
        parameters=(parameter("If-Match", "The `ETag` that was read.", header=True),),
        tag="Flows",
    )
    def put(self, request: Any, flow: str) -> Response:
        found = self.flow(flow)
        changed = services.replace_draft(
            self.actor,
            found,
            document_in(request.data),
            expected_revision=self._expected(found),
        )
        return Response(
            flow_detail(changed, queries.flow_problems(changed)),
            headers={"ETag": f'"{changed.revision}"'},
        )

    def _expected(self, flow: Flow) -> int | None:
        given = self.request.headers.get("If-Match", "").strip()
        if given in ("", "*"):
            return None
        revisions = [int(number) for number in _REVISION.findall(given)]
        if flow.revision in revisions:
            return flow.revision
        # Also for a tag that is none of ours: it cannot be the current one.
        raise services.StaleRevision(revisions[0] if revisions else 0, flow.revision)


class ValidateView(ApiView):
    """What is wrong with a document; nothing is kept and nothing runs."""

    takes_yaml = True
    required_action: ClassVar = {"POST": "flow.read"}

    @call(
        "validate_document",
        "Find the problems of a document",
        {
            200: (
                "Problems, none where the document can be published",
                {
                    "type": "object",
                    "required": ["problems"],
                    "properties": {
                        "problems": {"type": "array", "items": schemas.DOCUMENT_PROBLEM}
                    },
                },
                {"problems": [schemas.PROBLEM_EXAMPLE]},
            )
        },
        bodies={
            "application/json": {
                "type": "object",
                "required": ["document"],
                "properties": {"document": {"oneOf": [schemas.DOCUMENT, {"type": "string"}]}},
            },
            YAML: {"type": "string"},
        },
        body_example={"document": schemas.DOCUMENT_EXAMPLE},
        tag="Flows",
    )
    def post(self, request: Any) -> Response:
        source = request.data
        if not isinstance(source, str):
            source = self.object_body("document").get("document")
        if source is None:
            raise refuse(422, "required", "'document' is missing.", "document")
        try:
            problems = queries.document_problems(document_in(source), self.actor.workspace_id)
        except DocumentInvalid as error:
            problems = error.problems
        return Response({"problems": [problem.as_dict() for problem in problems]})
