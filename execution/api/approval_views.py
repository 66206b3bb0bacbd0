"""REST views of approvals: those that wait, those of a run, and the decision."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.response import Response

from execution.api.approval_schemas import APPROVAL, APPROVAL_EXAMPLE, DECIDE, DECIDED_EXAMPLE
from execution.api.views import RunView
from execution.approval_models import ApprovalState
from execution.approval_people import person_of
from execution.approval_queries import approval_payload, approvals_of, for_decision
from execution.approval_services import COMMENT_LENGTH, DECISIONS, Answer, decide
from fluxprompt.api.openapi import PAGING, PROBLEM, call, page_of, parameter
from fluxprompt.api.paging import newest_first
from fluxprompt.api.problems import refuse
from fluxprompt.api.views import ApiView, text_field

_PAGE: dict[str, Any] = {"results": [APPROVAL_EXAMPLE], "next": None}
#: Steps of a path: containers nest, but not endlessly.
_DEEPEST = 100


class ApprovalsView(ApiView):
    """What waits for a decision."""

    required_action: ClassVar = {"GET": "run.read"}

    @call(
        "list_approvals",
        "List the approvals that you may decide, newest first",
        {200: ("A page of approvals", page_of(APPROVAL), _PAGE)},
        description=(
            "A key decides what nobody in particular is asked, and what its maker is asked by name."
        ),
        parameters=(
            *PAGING,
            parameter("state", "One or more states, comma between; else `open`."),
        ),
        tag="Approvals",
    )
    def get(self, request: Any) -> Response:
        rows = for_decision(self.actor, person_of(self.actor))
        page = newest_first(
            rows.filter(state__in=_states(self.query("state"))),
            by="created_at",
            limit=self.limit,
            cursor=self.query("cursor"),
        )
        results = [approval_payload(approval) for approval in page.results]
        return Response({"results": results, "next": page.next})


def _states(given: str) -> list[str]:
    wanted = [part.strip() for part in given.split(",") if part.strip()]
    for state in wanted:
        if state not in ApprovalState.values:
            raise refuse(
                400,
                "bad_parameter",
                f"'{state[:30]}' is no state. One of: {', '.join(ApprovalState.values)}.",
                "state",
            )
    return wanted or [ApprovalState.OPEN]


class RunApprovalsView(RunView):
    """The approvals of a run."""

    required_action: ClassVar = {"GET": "run.read"}

    @call(
        "list_run_approvals",
        "List the approvals of a run, newest first",
        {200: ("A page of approvals", page_of(APPROVAL), _PAGE)},
        parameters=PAGING,
        tag="Approvals",
    )
    def get(self, request: Any, run: UUID) -> Response:
        found = self.run(run)
        page = newest_first(
            approvals_of(self.actor).filter(run=found),
            by="created_at",
            limit=self.limit,
            cursor=self.query("cursor"),
        )
        results = [approval_payload(approval) for approval in page.results]
        return Response({"results": results, "next": page.next})


class DecideView(RunView):
    """The decision on one approval."""

    # Members who are named decide in any role, and the service sees to it; keys need the scope.
    required_action: ClassVar = {"POST": "run.read"}

    @call(
        "decide_approval",
        "Approve or reject",
        {
            200: ("The approval as it is now", APPROVAL, DECIDED_EXAMPLE),
            409: ("It is decided, its deadline has passed, or the run has ended", PROBLEM, None),
        },
        description=(
            "The first decision counts; the same one sent again by the same person, with the same "
            "comment and data, is answered again. `data` is checked against the approval's "
            "fields; who rejects may leave out what is required."
        ),
        body=DECIDE,
        body_example={"decision": "approve", "comment": "Fine with me.", "data": {"amount": 35}},
        tag="Approvals",
    )
    def post(self, request: Any, run: UUID, node: str) -> Response:
        found = self.run(run)
        body = self.object_body("decision", "comment", "data", "path")
        answer = Answer(_decision(body), _comment(body), _data(body))
        approval = decide(self.actor, found, node, _path(body), answer, via="api")
        approval.run = found
        return Response(approval_payload(approval))


def _decision(body: dict[str, Any]) -> str:
    given = text_field(body, "decision", most=20, required=True)
    if given not in DECISIONS:
        raise refuse(422, "value", '\'decision\' has to be "approve" or "reject".', "decision")
    return str(given)


def _comment(body: dict[str, Any]) -> str:
    return text_field(body, "comment", most=COMMENT_LENGTH) or ""


def _data(body: dict[str, Any]) -> dict[str, Any]:
    given = body.get("data")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise refuse(422, "type", "'data' has to be an object: field → value.", "data")
    return given


def _path(body: dict[str, Any]) -> list[str | int]:
    given = body.get("path")
    if given is None:
        return []
    steps: list[Any] = given if isinstance(given, list) else [None]
    plain = all(isinstance(s, str | int) and not isinstance(s, bool) for s in steps)
    if not plain or len(steps) > _DEEPEST:
        message = "'path' has to be a list of container ids and indexes, as node runs show it."
        raise refuse(422, "type", message, "path")
    return steps
