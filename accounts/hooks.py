"""What other apps want done when something happens here, since accounts may not import them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounts.models import User, Workspace

type WorkspaceCreated = Callable[["Workspace", "User"], None]

_workspace_created: list[WorkspaceCreated] = []


def on_workspace_created(function: WorkspaceCreated) -> WorkspaceCreated:
    """Call `function(workspace, owner)` within the transaction that makes a workspace.

    What it raises undoes the workspace. Usable as a decorator; registering twice counts once.
    """
    if function not in _workspace_created:
        _workspace_created.append(function)
    return function


def workspace_created(workspace: "Workspace", owner: "User") -> None:
    """Tell everyone who registered, in the order of registration."""
    for function in _workspace_created:
        function(workspace, owner)
