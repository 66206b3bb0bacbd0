"""What other apps want asked before a flow is deleted, since flows may not import them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.models import Flow

#: Given a flow that is about to be deleted; answers with the sentence that refuses, or None.
type DeletionGuard = Callable[["Flow"], str | None]

_deletion_guards: list[DeletionGuard] = []


def guards_deletion(function: DeletionGuard) -> DeletionGuard:
    """Ask `function(flow)` before a flow is deleted. Usable as a decorator; counts once."""
    if function not in _deletion_guards:
        _deletion_guards.append(function)
    return function


def deletion_refusal(flow: "Flow") -> str | None:
    """The first reason not to delete this flow, or None."""
    for guard in _deletion_guards:
        if reason := guard(flow):
            return reason
    return None
