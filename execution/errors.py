"""Why a run was not started or changed, in words for whoever asked."""

from typing import Any


class InputsInvalid(Exception):
    """The inputs do not fit the flow's input fields; one entry a field."""

    code = "inputs_invalid"

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors


class NotPublished(Exception):
    """The version asked for does not exist."""

    code = "not_published"


class IdempotencyConflict(Exception):
    """The idempotency key was used before, for another request."""

    code = "idempotency_key_reused"


class RunStateConflict(Exception):
    """The run is in a state that does not allow this."""

    code = "run_state_conflict"


class OptionsInvalid(Exception):
    """What was asked for of a run does not fit its flow; `option` is what to change."""

    code = "options_invalid"

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option
        self.message = message


class ApprovalMissing(Exception):
    """The run has no approval at this node and iteration."""

    code = "not_found"


class DecisionInvalid(Exception):
    """What was said or filled in with a decision does not fit; paths `comment`, `data.<field>`."""

    code = "decision_invalid"

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors
