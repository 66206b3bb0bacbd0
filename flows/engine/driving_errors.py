"""What drivers of a run find wrong with a node."""

from typing import Any

from flows.engine.errors import NodeError

JSON = Any


def no_list(items: JSON) -> NodeError:
    """For a map whose items are something else."""
    kind = {dict: "an object", str: "a text", type(None): "null"}.get(type(items), "no list")
    message = (
        f"'items': has to be a list, but is {kind}. Take the list out of it, or make one with a "
        "filter such as `| items`, `| values` or `| split`."
    )
    return NodeError("config_invalid", message, field="items")


def too_slow(seconds: float) -> NodeError:
    """For a node that was not through in its time."""
    message = (
        f"Not through within {seconds:g} seconds. Raise the node's timeout_seconds, or have it do "
        "less."
    )
    return NodeError("timeout", message)
