"""The execution app."""

from django.apps import AppConfig


class ExecutionConfig(AppConfig):
    name = "execution"

    def ready(self) -> None:
        from execution.guards import open_runs_keep_a_flow
        from flows.hooks import guards_deletion

        guards_deletion(open_runs_keep_a_flow)
