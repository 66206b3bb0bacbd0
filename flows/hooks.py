"""What other apps want asked before a flow is deleted, and say of one that is validated."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from flows.engine.document import Document
    from flows.engine.errors import Problem
    from flows.models import Flow

#: Given a flow that is about to be deleted; answers with the sentence that refuses, or None.
type DeletionGuard = Callable[["Flow"], str | None]

#: Given a document and the workspace it is in; what there is to say of it.
type Finder = Callable[["Document", "UUID"], list["Problem"]]

_deletion_guards: list[DeletionGuard] = []
_finders: list[Finder] = []


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


def finds_problems(function: Finder) -> Finder:
    """Have `function(document, workspace_id)` add to what validation says; counts once."""
    if function not in _finders:
        _finders.append(function)
    return function


def found_problems(document: "Document", workspace_id: "UUID") -> list["Problem"]:
    """What other apps say of a document."""
    return [problem for find in _finders for problem in find(document, workspace_id)]
