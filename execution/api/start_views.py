"""The REST view that starts runs: the hot path, so it asks the database as little as it can."""

from functools import partial
from typing import Any, ClassVar

from django.db import connection
from django.http import Http404, HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from execution import queries, services
from execution.api import requests, schemas
from execution.live.waiting import ended_within, wait_until_ended
from execution.models import Run
from flows.queries import find_flow
from fluxprompt.api.asgi import CAN_WAIT, Later
from fluxprompt.api.openapi import PROBLEM, call, parameter
from fluxprompt.api.problems import problem_for, problem_response
from fluxprompt.api.views import ApiView

START_HEADERS = (
    parameter("Prefer", "`wait=N`, N up to 60 seconds.", header=True),
    parameter(
        "Idempotency-Key",
        "Sent again, it answers with the first run; with another body it is refused.",
        header=True,
        schema={"type": "string", "maxLength": 200},
    ),
)


class StartRunView(ApiView):
    """Starting runs of a flow."""

    required_action: ClassVar = {"POST": "run.start"}

    @call(
        "start_run",
        "Run a flow",
        {
            201: ("The run that was started", schemas.RUN, schemas.RUN_EXAMPLE),
            200: ("The run that this Idempotency-Key started before", schemas.RUN, None),
            402: ("The key has spent its budget of this month", PROBLEM, None),
            409: ("The flow is not published", PROBLEM, None),
        },
        description=(
            "With `Prefer: wait=N` the answer comes when the run has ended, after N seconds at "
            "the latest. The run goes on whether or not the client stays. Where a limit has no "
            "room for it, the run stays `queued`, and `queue` says why. `until`, `only` and "
            "`given` run a part of the flow."
        ),
        body=schemas.RUN_CREATE,
        body_example={"inputs": {"name": "Ada"}},
        parameters=START_HEADERS,
        tag="Runs",
    )
    def post(self, request: Any, flow: str) -> Response:
        found = find_flow(self.actor, flow)
        if found is None:
            raise Http404("There is no such flow in this workspace.")
        asked = requests.start_request(
            self.object_body(
                "inputs", "session_id", "version", "priority", "until", "only", "given"
            )
        )
        started = services.start_run(
            self.actor,
            found,
            asked.inputs,
            version=asked.version,
            session_id=asked.session_id,
            priority=asked.priority,
            options=asked.options,
            idempotency_key=requests.idempotency_key(request.headers.get("Idempotency-Key")),
        )
        run = started.run
        if found.published and run.version_id == found.published_id:
            run.version = found.published
        return started_answer(request, run, 201 if started.created else 200)


def started_answer(request: Any, run: Run, status: int) -> Response:
    """The run now, or when it has ended where the caller prefers that."""
    headers = {"Location": f"/api/v1/runs/{run.id}"}
    seconds = requests.wait_seconds(request.headers.get("Prefer", ""))
    if seconds is not None:
        headers["Preference-Applied"] = f"wait={seconds}"
    if not seconds or run.ended:
        return Response(queries.run_payload(run), status=status, headers=headers)
    if CAN_WAIT not in request.META:
        connection.close()
        wait_until_ended(run.id, seconds)
        return Response(_as_it_is_now(run), status=status, headers=headers)
    response = Response(None, status=status, headers=headers)
    response.later = Later(  # type: ignore[attr-defined]
        wait=partial(ended_within, run.id, seconds),
        finish=partial(_late_answer, run, status, headers),
    )
    return response


def _as_it_is_now(run: Run) -> dict[str, Any]:
    version = run.version
    run = Run.objects.get(pk=run.pk)
    run.version = version
    return queries.run_payload(run)


def _late_answer(run: Run, status: int, headers: dict[str, str]) -> HttpResponse:
    try:
        body = JSONRenderer().render(_as_it_is_now(run))
    except Exception as error:
        return problem_response(problem_for(error))
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)
