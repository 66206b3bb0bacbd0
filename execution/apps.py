"""The execution app."""

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from accounts.models import Workspace


class ExecutionConfig(AppConfig):
    name = "execution"

    def ready(self) -> None:
        from accounts.hooks import on_workspace_closing
        from execution.guards import open_runs_keep_a_flow
        from flows.hooks import guards_deletion

        guards_deletion(open_runs_keep_a_flow)
        on_workspace_closing(_empty)


def _empty(workspace: "Workspace") -> None:
    """Imported when used: not every command that starts Django needs what it takes."""
    from execution.closing import empty_workspace

    empty_workspace(workspace)
