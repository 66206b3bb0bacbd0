"""The REST view of the audit trail."""

from typing import Any, ClassVar

from rest_framework.response import Response

from accounts.api import schemas
from accounts.audit.queries import LONGEST, AuditFilter, audit_events, event_payload
from fluxprompt.api.moments import moment
from fluxprompt.api.openapi import PAGING, call, page_of, parameter
from fluxprompt.api.paging import newest_first
from fluxprompt.api.views import ApiView

_TEXTS = {
    "person": "A part of the actor's name, or the beginning of `via`.",
    "action": "An action, or its beginning: `credential` is all of `credential.…`.",
    "target": "An id, or the end of a type: `credential`.",
    "search": "Words that all stand somewhere in the event.",
}


class AuditView(ApiView):
    """Who did what in the workspace."""

    required_action: ClassVar = {"GET": "audit.read"}

    @call(
        "list_audit_events",
        "List the audit trail, newest first",
        {
            200: (
                "A page of events",
                page_of(schemas.EVENT),
                {"results": [schemas.EVENT_EXAMPLE], "next": None},
            )
        },
        parameters=(
            *(parameter(name, text) for name, text in _TEXTS.items()),
            parameter("since", "At this time or later (ISO 8601)."),
            parameter("until", "Before this time (ISO 8601)."),
            *PAGING,
        ),
        tag="Audit",
    )
    def get(self, request: Any) -> Response:
        texts = {name: self.query(name)[:LONGEST].strip() for name in _TEXTS}
        since, until = (moment(self.query(name), name) for name in ("since", "until"))
        rows = audit_events(self.actor, AuditFilter(since=since, until=until, **texts))
        page = newest_first(rows, by="at", limit=self.limit, cursor=self.query("cursor"))
        return Response(
            {"results": [event_payload(one) for one in page.results], "next": page.next}
        )
