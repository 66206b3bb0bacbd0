"""`manage.py runworker`: one worker process; run as many as wanted."""

from typing import Any

import uvloop
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """Runs flows until stopped; SIGTERM lets what runs end first."""

    help = "Run one worker process. SIGTERM or Ctrl-C drains it."
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--queues",
            default="workflow,io,model,code",
            help="Kinds of work, comma-separated; workflow and io are one queue. Default: all.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from execution.memory import give_large_values_back
        from execution.queues import queues_of
        from execution.worker import run_worker

        give_large_values_back()
        try:
            queues = queues_of(options["queues"].replace(",", " ").split())
        except ValueError as error:
            raise CommandError(str(error)) from error
        uvloop.run(run_worker(queues))
