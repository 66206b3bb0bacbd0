"""What the execution app's exceptions look like as problem documents."""

from accounts.operators.plans import PlanLimitReached
from billing.credits import CreditExhausted
from billing.key_budgets import KeyBudgetExhausted
from execution.errors import (
    ApprovalMissing,
    DecisionInvalid,
    IdempotencyConflict,
    InputsInvalid,
    NotPublished,
    OptionsInvalid,
    RunStateConflict,
)
from execution.taking import FeatureOff
from execution.temporal_client import TemporalUnreachable
from fluxprompt.api.problems import RETRY_AFTER_SECONDS, ApiProblem, converts


@converts(InputsInvalid)
def inputs_invalid(error: InputsInvalid) -> ApiProblem:
    errors = [{**entry, "path": _below_inputs(entry.get("path"))} for entry in error.errors]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return ApiProblem(422, error.code, f"{error}{more}", errors)


def _below_inputs(path: str | None) -> str:
    """Errors name the field; in the body it stands below `inputs`."""
    if not path or path == "inputs" or path.startswith("inputs."):
        return path or "inputs"
    return f"inputs.{path}"


@converts(OptionsInvalid)
def options_invalid(error: OptionsInvalid) -> ApiProblem:
    colon = "" if error.message[:1].islower() else ":"
    said = f"'{error.option}'{colon} {error.message}"
    entry = {"path": error.option, "code": error.code, "message": said}
    return ApiProblem(422, error.code, said, [entry])


@converts(IdempotencyConflict)
def idempotency_conflict(error: IdempotencyConflict) -> ApiProblem:
    return ApiProblem(
        422,
        error.code,
        str(error),
        [{"path": "Idempotency-Key", "code": error.code, "message": str(error)}],
    )


@converts(NotPublished, RunStateConflict)
def conflict(error: NotPublished | RunStateConflict) -> ApiProblem:
    return ApiProblem(409, error.code, str(error))


@converts(KeyBudgetExhausted)
def key_budget_exhausted(error: KeyBudgetExhausted) -> ApiProblem:
    more = {"budget": format(error.budget, "f"), "spent": format(error.spent, "f")}
    return ApiProblem(402, error.code, str(error), extra=more)


@converts(CreditExhausted)
def credit_exhausted(error: CreditExhausted) -> ApiProblem:
    credit = error.credit
    more = {"allowance": format(credit.allowance, "f"), "spent": format(credit.spent, "f")}
    return ApiProblem(402, error.code, str(error), extra=more)


@converts(PlanLimitReached)
def plan_limit_reached(error: PlanLimitReached) -> ApiProblem:
    return ApiProblem(402, error.code, error.message, extra={"limit": error.limit})


@converts(FeatureOff)
def feature_off(error: FeatureOff) -> ApiProblem:
    return ApiProblem(403, error.code, error.message)


@converts(TemporalUnreachable)
def temporal_unreachable(error: TemporalUnreachable) -> ApiProblem:
    return ApiProblem(
        503,
        "temporal_unavailable",
        "The durable engine cannot be reached at the moment. Try again shortly.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


@converts(ApprovalMissing)
def approval_missing(error: ApprovalMissing) -> ApiProblem:
    return ApiProblem(404, error.code, str(error))


@converts(DecisionInvalid)
def decision_invalid(error: DecisionInvalid) -> ApiProblem:
    more = f" (and {len(error.errors) - 1} more)" if len(error.errors) > 1 else ""
    return ApiProblem(422, error.code, f"{error}{more}", error.errors)
