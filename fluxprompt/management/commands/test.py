"""`manage.py test`, listed here for `manage.py help`; `manage.py` itself goes the short way."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from fluxprompt.testing.suite import main


class Command(BaseCommand):
    """Runs all checks; Django's own test runner is not used."""

    help = "Runs every check of the project; arguments go to pytest, which then runs alone."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own attribute

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("arguments", nargs="*")

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(main(options["arguments"]))
