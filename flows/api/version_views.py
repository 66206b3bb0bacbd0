"""REST views of a flow's versions."""

from typing import Any, ClassVar

from rest_framework.response import Response

from flows import queries, services
from flows.api import schemas
from flows.api.payloads import flow_detail, version_payload
from flows.api.views import FlowView
from flows.models import FlowVersion
from fluxprompt.api.openapi import PAGING, call, page_of, parameter
from fluxprompt.api.paging import newest_first
from fluxprompt.api.problems import refuse
from fluxprompt.api.views import text_field


class PublishView(FlowView):
    """Publishing the draft."""

    required_action: ClassVar = {"POST": "flow.publish"}

    @call(
        "publish_flow",
        "Publish the draft as a new version",
        {200: ("The version that runs now", schemas.VERSION, schemas.VERSION_EXAMPLE)},
        description="422 with every problem of the draft; an unchanged draft makes no new version.",
        body={
            "type": "object",
            "properties": {"note": {"type": "string", "maxLength": 200}},
            "additionalProperties": False,
        },
        body_example={"note": "First"},
        tag="Flows",
    )
    def post(self, request: Any, flow: str) -> Response:
        found = self.flow(flow)
        note = text_field(self.object_body("note"), "note", most=200) or ""
        return Response(version_payload(services.publish_flow(self.actor, found, note=note)))


class VersionsView(FlowView):
    """The versions of a flow."""

    required_action: ClassVar = {"GET": "flow.read"}

    @call(
        "list_versions",
        "List versions, newest first",
        {
            200: (
                "A page of versions",
                page_of(schemas.VERSION),
                {"results": [schemas.VERSION_EXAMPLE], "next": None},
            )
        },
        parameters=PAGING,
        tag="Flows",
    )
    def get(self, request: Any, flow: str) -> Response:
        rows = self.flow(flow).versions.defer("document")
        page = newest_first(rows, by="created_at", limit=self.limit, cursor=self.query("cursor"))
        return Response(
            {"results": [version_payload(row) for row in page.results], "next": page.next}
        )


class OneVersionView(FlowView):
    """One version of a flow."""

    required_action: ClassVar = {"GET": "flow.read"}

    @call(
        "get_version",
        "Get a version with its document",
        {
            200: (
                "The version",
                schemas.VERSION_DETAIL,
                {**schemas.VERSION_EXAMPLE, "document": schemas.DOCUMENT_EXAMPLE},
            )
        },
        tag="Flows",
    )
    def get(self, request: Any, flow: str, number: int) -> Response:
        version: FlowVersion = queries.version_of(self.flow(flow), number)
        return Response(version_payload(version, whole=True))


class RestoreView(FlowView):
    """Making an earlier version the draft again."""

    required_action: ClassVar = {"POST": "flow.edit"}

    @call(
        "restore_version",
        "Make a version the draft again",
        {200: ("The flow", schemas.FLOW_DETAIL, schemas.FLOW_DETAIL_EXAMPLE)},
        description="Publishes nothing.",
        tag="Flows",
    )
    def post(self, request: Any, flow: str, number: int) -> Response:
        restored = services.restore_version(self.actor, self.flow(flow), number)
        return Response(flow_detail(restored, queries.flow_problems(restored)))


class DiffView(FlowView):
    """What changed between two versions."""

    required_action: ClassVar = {"GET": "flow.read"}

    @call(
        "diff_versions",
        "Compare two versions",
        {200: ("What differs; layout never counts", schemas.DIFF, schemas.DIFF_EXAMPLE)},
        parameters=(
            parameter("from", "A version number, `published` or `draft`; else `published`."),
            parameter("to", "A version number, `published` or `draft`; else `draft`."),
        ),
        tag="Flows",
    )
    def get(self, request: Any, flow: str) -> Response:
        found = self.flow(flow)
        before = self._version("from", "published")
        after = self._version("to", "draft")
        diff = queries.version_diff(found, before, after)
        return Response({"from": str(before), "to": str(after), **diff.as_dict()})

    def _version(self, name: str, otherwise: str) -> int | str:
        given = self.query(name) or otherwise
        if given in ("draft", "published"):
            return given
        if not (given.isascii() and given.isdigit()):
            message = f"'{name}' has to be draft, published or the number of a version."
            raise refuse(400, "bad_parameter", message, name)
        return self.whole_number(name, default=0, least=1, most=2_000_000_000)
