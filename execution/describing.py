"""Drafts a flow from words: a run of an ordinary flow that asks the workspace's model.

So the question is recorded, streamed, cancelled and paid for like every other call of a model. It
stands among the runs of the flow that is being edited, with the trigger `describe`.
"""

from dataclasses import dataclass
from typing import Any

from accounts.operators.features import FEATURES, is_on
from accounts.permissions import Actor
from execution.models import Run, RunStatus
from execution.payloads import resolve_references
from execution.services import IdempotencyConflict, start_run
from flows.describing import (
    MOST_WISHED,
    Drafted,
    NoFlow,
    Question,
    complaints_of,
    question,
    question_again,
    read_answer,
)
from flows.engine.document import SCHEMA, Document, parse
from flows.models import Flow
from flows.queries import draft_document
from flows.sharing import require_on
from flows.storable import bad_text

JSON = Any
TRIGGER = "describe"
#: Questions for one wish: an answer with errors is sent back once.
MOST_ROUNDS = 2
#: Longest answer, in tokens.
MOST_TOKENS = 16_000
_FIELDS = ("wish", "system", "prompt")


class NoDraft(Exception):
    """There is no draft to be had from this run; the text says what to do."""


@dataclass(frozen=True)
class Described:
    """What came of a question: a draft, or the run that asks once more."""

    drafted: Drafted | None = None
    again: Run | None = None


def describe(actor: Actor, flow: Flow, wish: str) -> Run:
    """Ask for a draft of the flow that does what `wish` says; the answer is in the run.

    Raises PermissionRefused, NoDraft for a wish that cannot be asked.
    """
    require_on(actor, "flow.edit", flow)
    if not is_on("describe", actor.workspace_id):
        raise NoDraft(FEATURES["describe"].off)
    wish = wish.strip()
    if not wish:
        raise NoDraft("Say what the flow is to do.")
    if len(wish) > MOST_WISHED:
        raise NoDraft(f"Say it in {MOST_WISHED:,} characters at most.")
    if reason := bad_text(wish):
        raise NoDraft(f"The text {reason}. Write it anew.")
    try:
        asked = question(wish, draft_document(flow))
    except NoFlow as error:
        raise NoDraft(str(error)) from error
    return _asked(actor, flow, wish, asked, 1)


def described(actor: Actor, flow: Flow, run: Run) -> Described:
    """The draft that a run gave. One with errors is sent back once, by another run.

    The last answer is handed over whatever is wrong with it, as long as it is a document. Raises
    NoDraft.
    """
    require_on(actor, "flow.edit", flow)
    if run.trigger != TRIGGER or not run.ended:
        raise NoDraft("This run drafts no flow, or has not ended yet.")
    if run.status != RunStatus.SUCCEEDED:
        said = (run.error or {}).get("message", "It was stopped.")
        raise NoDraft(f"The model gave no draft. {said}")
    inputs = resolve_references(run.workspace_id, run.inputs)
    answer = str(resolve_references(run.workspace_id, run.outputs or {}).get("answer", ""))
    is_last = inputs["round"] >= MOST_ROUNDS
    drafted, complaints = _read(answer, flow)
    if drafted is not None and (is_last or not complaints):
        return Described(drafted=drafted)
    if is_last:
        raise NoDraft(
            f"The model answered twice with what is no flow. {complaints[0]} Describe it in other "
            "words, or choose a stronger model under Settings."
        )
    asked = Question(inputs["system"], inputs["prompt"])
    again = question_again(asked, answer, complaints)
    # However often this is asked, one run asks again.
    key = f"describe-again:{run.id}"
    try:
        started = _asked(actor, flow, inputs["wish"], again, inputs["round"] + 1, key)
    except IdempotencyConflict:
        # It was asked in other words, by the release before: that run's answer counts.
        started = Run.objects.visible_to(actor).get(idempotency_key=key)
    return Described(again=started)


def _read(answer: str, flow: Flow) -> tuple[Drafted | None, list[str]]:
    try:
        drafted = read_answer(answer, name=flow.name)
    except NoFlow as error:
        return None, [str(error)]
    return drafted, complaints_of(drafted.errors) if drafted.errors else []


def _asked(
    actor: Actor, flow: Flow, wish: str, asked: Question, number: int, key: str | None = None
) -> Run:
    inputs = {"wish": wish, "system": asked.system, "prompt": asked.prompt, "round": number}
    started = start_run(
        actor,
        flow,
        inputs,
        version=_question_flow(),
        trigger=TRIGGER,
        priority=2,
        idempotency_key=key,
    )
    return started.run


def _question_flow() -> Document:
    fields: list[JSON] = [{"name": name, "type": "text", "required": True} for name in _FIELDS]
    fields.append({"name": "round", "type": "number", "required": True})
    model = {
        "system": "{{ asked.system }}",
        "prompt": "{{ asked.prompt }}",
        "max_tokens": MOST_TOKENS,
    }
    return parse(
        {
            "schema": SCHEMA,
            "name": "Draft a flow",
            "nodes": [
                {"id": "asked", "type": "input", "config": {"fields": fields}},
                {"id": "draft", "type": "llm", "config": model, "timeout_seconds": 300},
                {"id": "answer", "type": "output", "config": {"value": "{{ draft.text }}"}},
            ],
            "edges": [{"from": "asked", "to": "draft"}, {"from": "draft", "to": "answer"}],
        }
    )
