"""The execution app."""

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from accounts.hooks import Made
    from accounts.models import Plan, User, Workspace


class ExecutionConfig(AppConfig):
    name = "execution"

    def ready(self) -> None:
        from accounts.hooks import (
            on_person_deleted,
            on_plan_changed,
            on_workspace_closing,
            tells_what_people_made,
        )
        from execution.guards import open_runs_keep_a_flow
        from flows.hooks import guards_deletion

        guards_deletion(open_runs_keep_a_flow)
        on_workspace_closing(_empty)
        tells_what_people_made(_made_by)
        on_person_deleted(_forget)
        on_plan_changed(_count_no_more)


def _empty(workspace: "Workspace") -> None:
    """Imported when used: not every command that starts Django needs what it takes."""
    from execution.closing import empty_workspace

    empty_workspace(workspace)


def _made_by(
    user: "User", workspaces: "Collection[UUID]", most: int
) -> "Mapping[str, Sequence[Made]]":
    from execution.leavers import made_things

    return made_things(user, workspaces, most)


def _count_no_more(plan: "Plan | None", workspaces: "list[UUID]") -> None:
    if plan is None or plan.max_runs is None:
        from execution.run_limits import forget_this_month

        forget_this_month(workspaces)


def _forget(user: "User") -> None:
    from execution.leavers import forget_decider

    forget_decider(user)
