"""What a run or a node says where the workflow itself has to find the words."""

from typing import Any

from temporalio.exceptions import ActivityError, ApplicationError

from flows.engine.document import NodeSpec


def is_recorded(error: BaseException) -> bool:
    """Whether the runner wrote this failure of an activity, and with it what travelled along."""
    cause = error.__cause__
    return isinstance(cause, ApplicationError) and bool(cause.details)


def node_error(error: ActivityError) -> dict[str, Any]:
    """The error that the runner recorded, out of Temporal's wrapping."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.details:
        return dict(cause.details[0])
    code = cause.type if isinstance(cause, ApplicationError) else None
    return {"code": code or "node_failed", "message": str(cause or error)}


def unknown_type(node: NodeSpec) -> dict[str, Any]:
    """For a node whose type this worker does not have."""
    message = (
        f"No node type '{node.type}' is installed on this worker. Install it or edit the flow."
    )
    return {"code": "node_type_unknown", "message": message}


def timed_out(seconds: float) -> dict[str, Any]:
    """For a run that did not end in its time."""
    message = (
        f"The run did not end within {seconds:g} seconds. "
        "Raise settings.timeout_seconds of the flow, or make its slow nodes faster."
    )
    return {"code": "timed_out", "message": message}


def engine_error(error: BaseException) -> dict[str, Any]:
    """For an error that should not be."""
    message = (
        f"The engine could not go on ({type(error).__name__}). Nothing that was recorded is lost; "
        "run the flow again, and report this if it happens twice."
    )
    return {"code": "engine_error", "message": message}
