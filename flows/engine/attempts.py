"""How long and how often a node is tried: what the document says, over its node type's defaults."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flows.engine.conditions import holds
from flows.engine.document import NodeSpec
from flows.engine.errors import NodeError
from flows.engine.expressions import evaluate, trimmed
from flows.engine.node_type import NodeType, RetryDefaults
from flows.engine.references import Load

JSON = Any
#: Where the condition of a retry stands in a node.
RETRY_IF = "retry.if"
#: What a retry's condition may read of the error; `status` is null where there is none.
ERROR_FIELDS = ("code", "message", "status", "attempt", "retryable")
#: Seconds of an attempt around the work that its config limits: values are loaded before it, and
#: what came back is read after it.
MARGIN_SECONDS = 10.0


def attempt_seconds(node: NodeSpec, node_type: NodeType) -> float:
    """Seconds after which an attempt of this node is ended.

    The document's own `timeout_seconds` wins; else the type's default, or more where the config
    lets the work take longer.
    """
    if node.timeout_seconds is not None:
        return node.timeout_seconds
    wanted = seconds_wanted(node, node_type)
    if wanted is None:
        return node_type.timeout_seconds
    return max(node_type.timeout_seconds, wanted + MARGIN_SECONDS)


def seconds_wanted(node: NodeSpec, node_type: NodeType) -> float | None:
    """Seconds that the node's config lets its work take; None where it says nothing of it."""
    return None if node_type.seconds_of is None else node_type.seconds_of(node.config)


def retry_of(node: NodeSpec, node_type: NodeType) -> RetryDefaults:
    """How often this node is tried: the type's defaults, with what the document says instead."""
    said = {} if node.retry is None else node.retry.model_dump(exclude_none=True)
    retry = replace(node_type.retry, **said)
    if "max_seconds" not in said and "initial_seconds" in said:
        # A first pause that was asked for is not cut by a limit that nobody wrote.
        return replace(retry, max_seconds=max(retry.max_seconds, retry.initial_seconds))
    return retry


def retry_is_asked_for(node: NodeSpec) -> bool:
    """Whether the document itself says how often this node is tried."""
    return node.retry is not None and bool(node.retry.model_dump(exclude_none=True))


def evaluated_of(node: NodeSpec) -> Mapping[str, JSON]:
    """All of a node that may hold expressions, by field: its config and its retry's condition."""
    condition = None if node.retry is None else node.retry.condition
    return node.config if condition is None else {**node.config, RETRY_IF: condition}


def condition_holds(
    condition: str,
    context: Mapping[str, JSON],
    error: NodeError,
    tries: int,
    *,
    load: Load | None = None,
) -> bool:
    """Whether a retry's condition wants another attempt after this error.

    It reads what the node's config may read and `error` (ERROR_FIELDS); `tries` counts the attempts
    that failed by themselves. Raises ExpressionError; NeedsLoad where `load` is not given.
    """
    facts = {
        "code": error.code,
        "message": error.message,
        "status": error.details.get("status"),
        "attempt": tries,
        "retryable": error.retryable,
    }
    return holds(evaluate(trimmed(condition), {**context, "error": facts}, load=load))


def is_rate_limit(error: NodeError) -> bool:
    """Whether the other side only asked to come back later, so that no attempt is used up.

    A 503 that does not say when is as likely a service that is down.
    """
    if not error.refused:
        return False
    return error.retry_after is not None or error.details.get("status") == 429


def failure_of(node: NodeSpec, error: Mapping[str, JSON]) -> dict[str, JSON]:
    """A node's error as the run's: with the node's id, and its label where it has one.

    A container fails with what failed in it: then that node is the one to look at.
    """
    if "node" in error:
        return dict(error)
    named = {"node": node.id, "label": node.label} if node.label else {"node": node.id}
    return {**error, **named}


def may_try_again(error: NodeError, *, repeatable: bool, asked_for: bool) -> bool:
    """Whether another attempt makes sense and does no harm; how many there are is not asked here.

    What may have been done in spite of the failure is only done again where a second time does no
    harm (`repeatable`), or where the document asks for retries: then the builder has decided.
    """
    return error.retryable and (repeatable or error.refused or asked_for)
