"""REST views of flows."""

from typing import Any, ClassVar

from django.db import transaction
from django.http import Http404
from rest_framework.response import Response

from flows import queries, services
from flows.api import schemas
from flows.api.payloads import flow_detail, flow_payload, node_type_catalogue, share_payloads
from flows.api.places import asked_folders, asked_tags, placing_in
from flows.api.shares import sharing_in
from flows.api.sources import document_in
from flows.engine.document import Document
from flows.models import Flow
from flows.organizing_queries import folder_paths
from fluxprompt.api.openapi import PAGING, PROBLEM, call, page_of, parameter
from fluxprompt.api.parsing import YAML, YamlText
from fluxprompt.api.views import ApiView, text_field

NAME_LENGTH = 200


class FlowView(ApiView):
    """A call about one flow, named by id or slug."""

    def flow(self, reference: str) -> Flow:
        found = queries.find_flow(self.actor, reference)
        if found is None:
            raise Http404("There is no such flow in this workspace.")
        return found


class FlowsView(ApiView):
    """The flows of the workspace."""

    takes_yaml = True
    required_action: ClassVar = {"GET": "flow.read", "POST": "flow.create"}

    @call(
        "list_flows",
        "List flows, last changed first",
        {
            200: (
                "A page of flows",
                page_of(schemas.FLOW),
                {"results": [schemas.FLOW_EXAMPLE], "next": None},
            )
        },
        parameters=(
            *PAGING,
            parameter("search", "Words in the name, the description or a tag."),
            parameter("folder", "Path of a folder, with those below it; `none`: in no folder."),
            parameter("tag", "Name of a tag; several, with commas, for flows that have all."),
        ),
        tag="Flows",
    )
    def get(self, request: Any) -> Response:
        page = queries.flows_page(
            self.actor,
            search=self.query("search")[:200],
            folders=asked_folders(self.actor, self.query("folder")),
            tags=asked_tags(self.actor, self.query("tag")),
            limit=self.limit,
            cursor=self.query("cursor"),
        )
        paths = folder_paths(self.actor.workspace_id)
        return Response(
            {"results": [flow_payload(row, paths) for row in page.results], "next": page.next}
        )

    @call(
        "create_flow",
        "Create a flow from a document or a name",
        {201: ("The flow", schemas.FLOW_DETAIL, schemas.FLOW_DETAIL_EXAMPLE)},
        description="A YAML document may also be sent as the body itself (`application/yaml`).",
        bodies={"application/json": schemas.CREATE, YAML: {"type": "string"}},
        body_example={"document": schemas.DOCUMENT_EXAMPLE},
        tag="Flows",
    )
    def post(self, request: Any) -> Response:
        name: str | None
        document: Document | None
        if isinstance(request.data, YamlText):
            name, document = None, document_in(request.data)
        else:
            body = self.object_body("name", "document")
            given = body.get("document")
            name = text_field(body, "name", most=NAME_LENGTH, required=given is None)
            document = document_in(given) if given is not None else None
        flow = services.create_flow(self.actor, name=name, document=document)
        problems = queries.flow_problems(flow)
        return Response(
            flow_detail(flow, problems),
            status=201,
            headers={"Location": f"/api/v1/flows/{flow.id}"},
        )


class OneFlowView(FlowView):
    """One flow."""

    required_action: ClassVar = {"GET": "flow.read", "PATCH": "flow.edit", "DELETE": "flow.delete"}

    @call(
        "get_flow",
        "Get a flow, with the problems of its draft",
        {200: ("The flow", schemas.FLOW_DETAIL, schemas.FLOW_DETAIL_EXAMPLE)},
        tag="Flows",
    )
    def get(self, request: Any, flow: str) -> Response:
        found = self.flow(flow)
        return Response(flow_detail(found, queries.flow_problems(found)))

    @call(
        "update_flow",
        "Change the name, the description, the folder, the tags or who sees it",
        {200: ("The flow", schemas.SHARED_FLOW, schemas.SHARED_FLOW_EXAMPLE)},
        description="`folder` is a path or null; `tags` are all that the flow shall have, `shares` "
        "all that it is shared with. Who sees it is said by its maker, owners and admins.",
        body={
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": NAME_LENGTH},
                "description": {"type": "string", "maxLength": 10_000},
                "folder": {"type": ["string", "null"]},
                "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 20},
                "visibility": schemas.VISIBILITY,
                "shares": schemas.SHARES_ASKED,
            },
            "additionalProperties": False,
        },
        body_example={"name": "Greeting", "folder": "Clients/Acme", "tags": ["live"]},
        tag="Flows",
    )
    def patch(self, request: Any, flow: str) -> Response:
        found = self.flow(flow)
        body = self.object_body(
            *("name", "description", "folder", "tags", "visibility", "shares"),
        )
        name = text_field(body, "name", most=NAME_LENGTH, required="name" in body)
        description = text_field(body, "description", most=10_000)
        place = placing_in(self.actor, body)
        with transaction.atomic():
            changed = services.update_flow(self.actor, found, name=name, description=description)
            place.put(self.actor, changed)
            sharing_in(self.actor, body).put(self.actor, changed)
        changed.refresh_from_db(fields=["folder", "visibility"])
        return Response({**flow_payload(changed), "shares": share_payloads(changed)})

    @call(
        "delete_flow",
        "Delete a flow with its versions and runs",
        {
            204: ("Deleted", None, None),
            409: ("One of its runs is open", PROBLEM, None),
        },
        tag="Flows",
    )
    def delete(self, request: Any, flow: str) -> Response:
        services.delete_flow(self.actor, self.flow(flow))
        return Response(status=204)


class NodeTypesView(ApiView):
    """The catalogue of node types."""

    required_action: ClassVar = {"GET": "flow.read"}

    @call(
        "list_node_types",
        "List the node types with the JSON Schemas of their configs",
        {
            200: (
                "Every node type",
                {
                    "type": "object",
                    "required": ["results", "next"],
                    "properties": {
                        "results": {"type": "array", "items": schemas.NODE_TYPE},
                        "next": {"type": "null"},
                    },
                },
                None,
            )
        },
        tag="Node types",
    )
    def get(self, request: Any) -> Response:
        return Response({"results": node_type_catalogue(), "next": None})
