"""`manage.py up`, listed here for `manage.py help`; `manage.py` itself goes the short way."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from fluxprompt.embedded.up import main


class Command(BaseCommand):
    """Starts the whole copy."""

    help = "Starts everything: database, Temporal, worker and web server; Ctrl-C stops it."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own attribute

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--with-local-model", action="store_true")
        parser.add_argument("--without-local-model", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = [
            f"--{name.replace('_', '-')}"
            for name in ("with_local_model", "without_local_model")
            if options[name]
        ]
        sys.exit(main(wanted))
