"""REST view of the document that a run is pinned to."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse

from execution.api.views import RunView
from execution.queries import run_document
from flows.api.schemas import DOCUMENT, DOCUMENT_EXAMPLE
from flows.engine.document import dump_json, dump_yaml
from fluxprompt.api.openapi import call, parameter
from fluxprompt.api.parsing import YAML


class RunDocumentView(RunView):
    """The flow as it ran."""

    required_action: ClassVar = {"GET": "run.read"}

    @call(
        "get_run_document",
        "Get the flow as the run ran it",
        {200: ("The document, whatever became of the flow since", DOCUMENT, DOCUMENT_EXAMPLE)},
        answer_types=("application/json", YAML),
        description="A key needs `flows:read` as well: a document holds the flow's prompts.",
        parameters=(parameter("format", "`json` or `yaml`; wins over `Accept`."),),
        tag="Runs",
    )
    def get(self, request: Any, run: UUID) -> HttpResponse:
        self.actor.require("flow.read")
        document = run_document(self.run(run))
        if self.wants_yaml:
            text, kind = dump_yaml(document), f"{YAML}; charset=utf-8"
        else:
            text, kind = dump_json(document), "application/json"
        return HttpResponse(text, content_type=kind, headers={"Vary": "Accept"})
