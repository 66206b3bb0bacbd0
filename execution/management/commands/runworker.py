"""`manage.py runworker`: one worker process; run as many as wanted."""

from typing import Any

import uvloop
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Runs flows until stopped; SIGTERM lets what runs end first."""

    help = "Run one worker process. SIGTERM or Ctrl-C drains it."
    requires_system_checks: list[str] = []  # noqa: RUF012

    def handle(self, *args: Any, **options: Any) -> None:
        from execution.memory import give_large_values_back
        from execution.worker import run_worker

        give_large_values_back()
        uvloop.run(run_worker())
