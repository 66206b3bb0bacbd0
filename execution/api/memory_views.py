"""REST view of what a session of a flow is remembered by."""

from typing import Any, ClassVar

from rest_framework.response import Response

from execution.memories.queries import entry_payload, session_entries
from execution.memories.services import forget_session
from flows.api.views import FlowView
from flows.storable import bad_text
from fluxprompt.api.openapi import PAGING, call, page_of
from fluxprompt.api.paging import newest_first
from fluxprompt.api.problems import refuse

JSON = Any
ENTRY: dict[str, JSON] = {
    "type": "object",
    "required": ["id", "name", "node", "value", "run", "created_at"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "name": {"type": ["string", "null"], "description": "The memory it is an entry of."},
        "node": {
            "type": ["string", "null"],
            "description": "In place of a name: the node whose turn it is.",
        },
        "value": {"description": "Any JSON; of a turn an object with `user` and `assistant`."},
        "run": {"type": "string", "format": "uuid"},
        "created_at": {"type": "string", "format": "date-time"},
    },
}
ENTRY_EXAMPLE: dict[str, JSON] = {
    "id": "0199f3a5-11aa-7c3d-8e4f-5a6b7c8d9e0f",
    "name": None,
    "node": "answer",
    "value": {"user": "Where is my parcel?", "assistant": "It left Leipzig this morning."},
    "run": "0199f3a5-0b1c-7d2e-9f30-415263748596",
    "created_at": "2026-11-26T09:30:00+00:00",
}


class SessionMemoryView(FlowView):
    """The memory of one session."""

    required_action: ClassVar = {"GET": "run.read", "DELETE": "run.start"}

    @call(
        "list_session_memory",
        "List what a session of a flow is remembered by, newest first",
        {
            200: (
                "A page of entries; none where nothing is known of the session",
                page_of(ENTRY),
                {"results": [ENTRY_EXAMPLE], "next": None},
            )
        },
        description="A key needs `flows:read` as well, to find the flow.",
        parameters=PAGING,
        tag="Flows",
    )
    def get(self, request: Any, flow: str, session: str) -> Response:
        self.actor.require("flow.read")
        rows = session_entries(self.actor, self.flow(flow), _checked(session))
        page = newest_first(rows, by="created_at", limit=self.limit, cursor=self.query("cursor"))
        results = [entry_payload(entry) for entry in page.results]
        return Response({"results": results, "next": page.next})

    @call(
        "forget_session",
        "Delete all that a session of a flow is remembered by",
        {204: ("It is gone; also where there was nothing", None, None)},
        tag="Flows",
    )
    def delete(self, request: Any, flow: str, session: str) -> Response:
        forget_session(self.actor, self.flow(flow), _checked(session))
        return Response(status=204)


def _checked(session: str) -> str:
    if reason := bad_text(session):
        raise refuse(400, "bad_parameter", f"The session id {reason}.", "session")
    return session
