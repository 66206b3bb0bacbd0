"""REST views of runs: start, look, follow, stop."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse, StreamingHttpResponse
from rest_framework.response import Response

from accounts.authentication.sessions import is_live
from accounts.permissions import Actor, still_may
from execution import queries, services
from execution.api import requests, schemas
from execution.live import sse
from execution.live.seen import run_still_seen
from execution.models import Run
from execution.queue_reasons import queued_of
from execution.search import mentioning
from flows.engine.errors import NodeError
from fluxprompt.api.openapi import PAGING, PROBLEM, call, page_of, parameter
from fluxprompt.api.paging import CursorInvalid, newest_first
from fluxprompt.api.views import ApiView

_MAX_SEQ = 2_147_483_647
SEARCH_HELP = (
    "Words, all of which are in the run: in the flow's name, the run's id, the session id, the "
    "error or the texts of inputs and outputs (the first 2,000 characters of each). The start of "
    "a word is enough."
)


class RunView(ApiView):
    """A call about one run."""

    def run(self, run_id: UUID) -> Run:
        found: Run | None = visible_runs(self.actor).filter(pk=run_id).first()
        if found is None:
            raise Http404("There is no such run in this workspace.")
        return found


def visible_runs(actor: Actor) -> QuerySet[Run]:
    """The actor's runs, with the number of their version but not its document."""
    rows: QuerySet[Run] = queries.runs_of(actor).defer("version__document", "flow__description")
    return rows


class RunsView(ApiView):
    """The runs of the workspace."""

    required_action: ClassVar = {"GET": "run.read"}

    @call(
        "list_runs",
        "List runs, newest first",
        {
            200: (
                "A page of runs; large values are references",
                page_of(schemas.RUN),
                {"results": [schemas.RUN_EXAMPLE], "next": None},
            )
        },
        parameters=(
            *PAGING,
            parameter("flow", "Id or slug of a flow."),
            parameter("status", "One or more statuses, comma between."),
            parameter("since", "Created at this time or later (ISO 8601)."),
            parameter("until", "Created before this time (ISO 8601)."),
            parameter("search", SEARCH_HELP),
            parameter("parent", "Id of a run: the runs of its sub-flows."),
        ),
        tag="Runs",
    )
    def get(self, request: Any) -> Response:
        page = newest_first(
            self._filtered(visible_runs(self.actor)),
            by="created_at",
            limit=self.limit,
            cursor=self.query("cursor"),
        )
        queued = queued_of(page.results)
        results = [
            queries.run_payload(run, small=True, queue=queued.get(run.id)) for run in page.results
        ]
        return Response({"results": results, "next": page.next})

    def _filtered(self, rows: QuerySet[Run]) -> QuerySet[Run]:
        if reference := self.query("flow"):
            rows = rows.filter(_flow_is(reference))
        if wanted := requests.statuses(self.query("status")):
            rows = rows.filter(status__in=wanted)
        if since := requests.moment(self.query("since"), "since"):
            rows = rows.filter(created_at__gte=since)
        if until := requests.moment(self.query("until"), "until"):
            rows = rows.filter(created_at__lt=until)
        if parent := requests.run_id(self.query("parent"), "parent"):
            rows = rows.filter(parent_id=parent)
        if words := self.query("search")[:200]:
            rows = mentioning(rows, self.actor.workspace_id, words)
        return rows


def _flow_is(reference: str) -> Q:
    try:
        return Q(flow_id=UUID(reference))
    except ValueError:
        return Q(flow__slug=reference)


class OneRunView(RunView):
    """One run."""

    required_action: ClassVar = {"GET": "run.read"}

    @call(
        "get_run",
        "Get a run",
        {200: ("The run", schemas.RUN, schemas.RUN_EXAMPLE)},
        tag="Runs",
    )
    def get(self, request: Any, run: UUID) -> Response:
        return Response(queries.run_payload(self.run(run)))


class NodeRunsView(RunView):
    """What the nodes of a run did."""

    required_action: ClassVar = {"GET": "run.read"}

    @call(
        "list_node_runs",
        "List the nodes of a run, every attempt",
        {
            200: (
                "A page of node runs, in the order they were recorded; large values are references",
                page_of(schemas.NODE_RUN),
                {"results": [schemas.NODE_RUN_EXAMPLE], "next": None},
            )
        },
        parameters=PAGING,
        tag="Runs",
    )
    def get(self, request: Any, run: UUID) -> Response:
        rows = self.run(run).node_runs.order_by("pk")
        if cursor := self.query("cursor"):
            try:
                rows = rows.filter(pk__gt=UUID(cursor))
            except ValueError:
                raise CursorInvalid("This cursor is not one of ours. Start without it.") from None
        limit = self.limit
        found = list(rows[: limit + 1])
        results = [queries.node_run_payload(row) for row in found[:limit]]
        following = str(found[limit - 1].pk) if len(found) > limit else None
        return Response({"results": results, "next": following})


class EventsView(RunView):
    """What happened in a run."""

    required_action: ClassVar = {"GET": "run.read"}

    @call(
        "list_events",
        "Follow the events of a run",
        {
            200: (
                "Events in order. As JSON a page; as `text/event-stream` live until the run ends",
                page_of(schemas.EVENT),
                {"results": [schemas.EVENT_EXAMPLE], "next": None},
            )
        },
        description=(
            "Complete and replayable: come back with `after` (or `Last-Event-ID`) set to the last "
            "`seq` that was read. The stream also carries `node.delta`, pieces of streamed text."
        ),
        parameters=(
            parameter("after", "Events after this `seq`.", schema={"type": "integer"}),
            *PAGING,
        ),
        tag="Runs",
    )
    def get(self, request: Any, run: UUID) -> Any:
        found = self.run(run)
        after = max(
            self.whole_number(name, default=0, least=0, most=_MAX_SEQ)
            for name in ("after", "cursor")
        )
        if "text/event-stream" in request.headers.get("Accept", ""):
            return self._stream(found, max(after, self._last_event_id()))
        limit = self.limit
        events = queries.events_after(found.id, after, limit)
        following = str(events[-1]["seq"]) if len(events) == limit else None
        return Response({"results": events, "next": following})

    def _last_event_id(self) -> int:
        given = self.request.headers.get("Last-Event-ID", "")
        usable = given.isascii() and given.isdigit() and len(given) < 10
        return int(given) if usable else 0

    def _still_may(self) -> bool:
        """Asked again and again while events are read: of a browser also, if it is signed in."""
        by_browser = self.actor.api_key_id is None
        if by_browser and not is_live(getattr(self.request._request, "session", None)):
            return False
        return still_may(self.actor, "run.read")

    def _still_sees(self, run_id: UUID) -> bool:
        """The run, too, may be taken from them: its flow became private."""
        return self._still_may() and run_still_seen(self.actor, run_id)

    def _stream(self, run: Run, after: int) -> StreamingHttpResponse:
        # Not by `last_seq`: numbers may be reserved beyond the last event.
        over = run.ended and not queries.events_after(run.id, after, limit=1)
        content = _nothing() if over else sse.stream(run, after, partial(self._still_sees, run.id))
        return StreamingHttpResponse(
            content,
            content_type="text/event-stream",
            # A proxy that buffers would hold the events back.
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


async def _nothing() -> AsyncIterator[bytes]:
    """The stream of a run that ended, for someone who has read it all."""
    yield b": the run has ended\n\n"


class CancelView(RunView):
    """Stopping a run."""

    required_action: ClassVar = {"POST": "run.cancel"}

    @call(
        "cancel_run",
        "Cancel a run",
        {
            200: ("The run", schemas.RUN, None),
            409: ("The run has ended otherwise", PROBLEM, None),
        },
        description="Twice is the same as once. Calls in flight are aborted.",
        tag="Runs",
    )
    def post(self, request: Any, run: UUID) -> Response:
        cancelled = services.cancel_run(self.actor, self.run(run))
        return Response(queries.run_payload(cancelled))


class ValueView(RunView):
    """A large value that is shown by reference elsewhere."""

    required_action: ClassVar = {"GET": "run.read"}

    @call(
        "get_value",
        "Get a large value by its reference",
        {200: ("The value itself", {"description": "Any JSON, or text."}, None)},
        answer_types=("application/json", "text/plain"),
        description="`digest` is the `$blob` of the reference.",
        tag="Runs",
    )
    def get(self, request: Any, run: UUID, digest: str) -> HttpResponse:
        try:
            kind, data = queries.value_of(self.run(run), digest)
        except NodeError as error:
            raise Http404("This run holds no such value.") from error
        return HttpResponse(
            data,
            content_type="application/json" if kind == "json" else "text/plain; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="{digest[:12]}.{_ENDINGS[kind]}"',
                "X-Content-Type-Options": "nosniff",
            },
        )


_ENDINGS = {"json": "json", "text": "txt"}
