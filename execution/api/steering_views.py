"""REST views that steer a run which exists: pause, resume, run again."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.response import Response

from execution import queries
from execution.api import requests, schemas
from execution.api.start_views import START_HEADERS, started_answer
from execution.api.views import RunView
from execution.steering import pause_run, rerun_run, resume_run
from fluxprompt.api.openapi import PROBLEM, call

_STEERED: dict[int, Any] = {
    409: ("The run has ended, or is inline", PROBLEM, None),
}


class PauseView(RunView):
    """Having a run start nothing more."""

    required_action: ClassVar = {"POST": "run.cancel"}

    @call(
        "pause_run",
        "Pause a run",
        {200: ("The run", schemas.RUN, {**schemas.RUN_EXAMPLE, "status": "paused"}), **_STEERED},
        description=(
            "Steps that run go on to their end; nothing more is started, in sub-flows neither. "
            "Twice is the same as once."
        ),
        tag="Runs",
    )
    def post(self, request: Any, run: UUID) -> Response:
        return Response(queries.run_payload(pause_run(self.actor, self.run(run))))


class ResumeView(RunView):
    """Going on with a paused run."""

    required_action: ClassVar = {"POST": "run.cancel"}

    @call(
        "resume_run",
        "Go on with a paused run",
        {200: ("The run", schemas.RUN, {**schemas.RUN_EXAMPLE, "status": "running"}), **_STEERED},
        description="A run that is not paused is answered as it is.",
        tag="Runs",
    )
    def post(self, request: Any, run: UUID) -> Response:
        return Response(queries.run_payload(resume_run(self.actor, self.run(run))))


class RerunView(RunView):
    """Repeating a run that has ended."""

    required_action: ClassVar = {"POST": "run.start"}

    @call(
        "rerun_run",
        "Run again from a node",
        {
            201: ("The new run", schemas.RUN, schemas.RERUN_EXAMPLE),
            200: ("The run that this Idempotency-Key started before", schemas.RUN, None),
            409: ("The run has not ended, or the version is not published", PROBLEM, None),
        },
        description=(
            "A new run that takes over every output before `from`, unpaid (`reused` in its node "
            "runs). Without `from` it goes on where the run failed or was cut off. With "
            "`only_failed` a map or loop in `from` keeps what succeeded inside it."
        ),
        body=schemas.RERUN,
        body_example={"from": "result"},
        parameters=START_HEADERS,
        tag="Runs",
    )
    def post(self, request: Any, run: UUID) -> Response:
        found = self.run(run)
        asked = requests.rerun_request(self.object_body("from", "inputs", "version", "only_failed"))
        started = rerun_run(
            self.actor,
            found,
            start=asked.start,
            inputs=asked.inputs,
            version=asked.version,
            only_failed=asked.only_failed,
            idempotency_key=requests.idempotency_key(request.headers.get("Idempotency-Key")),
        )
        return started_answer(request, started.run, 201 if started.created else 200)
