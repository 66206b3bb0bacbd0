"""What people do with approvals: decide them, signed in, by the API or by a signed link."""

import json
import logging
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.permissions import Actor
from accounts.services import record_audit
from execution.approval_links import Link, LinkDead, approval_of
from execution.approval_models import Approval, ApprovalState, DecidedVia, Decision
from execution.approval_people import Person, member_by_address, person_of, require_decision
from execution.errors import ApprovalMissing, DecisionInvalid, RunStateConflict
from execution.models import Run
from execution.recording import hold_run
from execution.temporal_client import TemporalUnreachable
from execution.waking import approval_news, wake
from flows.engine.inputs import validate_inputs
from flows.engine.json_values import same as same_json
from flows.engine.sizes import compact_size
from flows.sharing import on
from flows.storable import bad_text

JSON = Any
logger = logging.getLogger(__name__)
DECISIONS = {"approve": Decision.APPROVED, "reject": Decision.REJECTED}
_DOORS = {DecidedVia.API.value: " by the API", DecidedVia.LINK.value: " by the link in an e-mail"}
#: Characters of a comment, and bytes of JSON of what is filled in.
COMMENT_LENGTH = 10_000
DATA_BYTES = 1_000_000
#: Places of open approvals that an error names.
PATHS_NAMED = 3


@dataclass(frozen=True)
class Answer:
    """What somebody has decided, and what they say and fill in beside it."""

    decision: str
    comment: str = ""
    data: dict[str, JSON] | None = None


def decide(
    who: Actor | Link, run: Run, node: str, path: list[str | int], answer: Answer, *, via: str = ""
) -> Approval:
    """Decide for a run that waits, and wake it; `answer.decision` is approve or reject.

    `via` is page or api (the default), and link for a link. The first decision counts; the same one
    by the same person again, with the same comment and data, is handed back. Raises
    ApprovalMissing, PermissionRefused, LinkDead, DecisionInvalid, RunStateConflict.
    """
    approval = Approval.objects.filter(run=run, node=node, path=path).first()
    if approval is None:
        raise ApprovalMissing(_why_missing(run, node))
    person = _person(who, approval)
    via = DecidedVia.LINK if isinstance(who, Link) else via or DecidedVia.API
    if approval.can_be_decided:
        data = _checked(approval, answer)
        approval = _record(who, approval, person, answer, data, via)
    else:
        _require_same(approval, person, answer)
    if approval.state == ApprovalState.DECIDED and approval.delivered_at is None:
        _wake(approval)
    return approval


def _why_missing(run: Run, node: str) -> str:
    """One sentence on why nothing is asked there, with some of the places where it is."""
    asked = Approval.objects.filter(run=run, node=node)
    if not asked.exists():
        return f"This run has no approval '{node}' to decide here."
    rows = asked.filter(state=ApprovalState.OPEN).order_by("created_at", "id")
    paths = list(rows.values_list("path", flat=True)[: PATHS_NAMED + 1])
    if not paths:
        return f"'{node}' is asked at other places ('path'), and nothing is open there any more."
    named = ", ".join(json.dumps(path) for path in paths[:PATHS_NAMED])
    more = " and more" if len(paths) > PATHS_NAMED else ""
    if paths == [[]]:
        return f"'{node}' is not asked for items. Leave out 'path'."
    return f"'{node}' is asked for items: say which with 'path'. Open are {named}{more}."


def _person(who: Actor | Link, approval: Approval) -> Person:
    if isinstance(who, Actor):
        person = person_of(who)
        require_decision(on(who, approval.run.flow), person, approval)
        return person
    if approval_of(who).pk != approval.pk:
        raise LinkDead("This link is for another approval.")
    user = member_by_address(approval.workspace_id, who.email)
    if user is None:
        raise LinkDead("You are no member of the workspace any more.")
    return Person(user.name or user.email, user.id, user.email.lower())


def _checked(approval: Approval, answer: Answer) -> dict[str, JSON]:
    """What was filled in, checked against the fields. Raises DecisionInvalid naming the field."""
    if reason := bad_text(answer.comment):
        raise _invalid("comment", "wrong_type", f"The comment {reason}.")
    if len(answer.comment) > COMMENT_LENGTH:
        raise _invalid(
            "comment", "too_long", f"A comment has {COMMENT_LENGTH:,} characters at most."
        )
    values, problems = validate_inputs(
        approval.fields, answer.data or {}, unknown="This approval has no field"
    )
    if DECISIONS[answer.decision] is Decision.REJECTED:
        # Who rejects need not fill in what an approval needs.
        left_out = [problem["path"] for problem in problems if problem["code"] == "missing"]
        values |= dict.fromkeys(left_out)
        problems = [problem for problem in problems if problem["code"] != "missing"]
    if problems:
        raise DecisionInvalid(
            [{**problem, "path": f"data.{problem['path']}".rstrip(".")} for problem in problems]
        )
    if compact_size(values) > DATA_BYTES:
        raise _invalid("data", "too_large", f"What is filled in has over {DATA_BYTES:,} bytes.")
    return values


def _invalid(path: str, code: str, message: str) -> DecisionInvalid:
    return DecisionInvalid([{"path": path, "code": code, "message": message}])


def _record(
    who: Actor | Link,
    approval: Approval,
    person: Person,
    answer: Answer,
    data: dict[str, JSON],
    via: str,
) -> Approval:
    with transaction.atomic():
        # The run's row first, as everywhere: its end and the deadline wait, or were before us.
        hold_run(str(approval.run_id), events=0)
        held = Approval.objects.select_for_update().get(pk=approval.pk)
        if not held.can_be_decided:
            _require_same(held, person, answer)
            return held
        decision = DECISIONS[answer.decision]
        held.state, held.decision = ApprovalState.DECIDED, decision
        held.comment, held.data = answer.comment, data
        held.decided_by_id, held.decided_via = person.user_id, via
        held.decider, held.decided_at = person.as_decider(via), timezone.now()
        held.save()
        record_audit(
            "run.approve",
            held,
            workspace_id=held.workspace_id,
            user_id=person.user_id,
            label=who.label if isinstance(who, Actor) else f"{person.email} (link)",
            details={
                "run": str(held.run_id),
                "node": held.node,
                "path": held.path,
                "decision": str(decision),
                "via": str(via),
            },
        )
    return held


def _require_same(approval: Approval, person: Person, answer: Answer) -> None:
    """Raises RunStateConflict unless this person has decided just so before."""
    decider = approval.decider or {}
    them = person.as_decider(decider.get("via", ""))
    # A name may change; only who has no account is known by it.
    same = them["id"] == decider.get("id") and (person.user_id is not None or them == decider)
    decision = DECISIONS[answer.decision]
    if not same or (approval.state, approval.decision) != (ApprovalState.DECIDED, decision):
        raise RunStateConflict(why_closed(approval))
    if other := _other_words(approval, answer):
        message = (
            f"{why_closed(approval)} It was with {other} than this; the first decision counts."
        )
        raise RunStateConflict(message)


def _other_words(approval: Approval, answer: Answer) -> str:
    """What was said beside a decision and differs from this answer, in words; empty: nothing."""
    try:
        equal = same_json(_checked(approval, answer), approval.data)
    except DecisionInvalid:
        equal = False
    parts = ["other data"] * (not equal)
    parts += ["another comment"] * (answer.comment != approval.comment)
    return " and ".join(parts)


def why_closed(approval: Approval) -> str:
    """One sentence on why there is nothing to decide any more."""
    if approval.state == ApprovalState.DECIDED:
        name = (approval.decider or {}).get("name", "Somebody")
        door = _DOORS.get(approval.decided_via, "")
        return f"{name} {approval.decision} this {_at(approval.decided_at)}{door}."
    if approval.state == ApprovalState.CANCELLED:
        return "The run has ended, so nothing is left to decide."
    return f"The deadline was {_at(approval.deadline)}; it is too late to decide."


def _at(moment: Any) -> str:
    return f"on {moment:%Y-%m-%d} at {moment:%H:%M} UTC"


def _wake(approval: Approval) -> None:
    try:
        wake(str(approval.run_id), approval_news(approval.node, approval.path))
    except TemporalUnreachable as error:
        logger.warning("Run %s hears of a decision later: %s", approval.run_id, error)
