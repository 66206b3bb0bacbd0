"""`manage.py maintenance on|off`: nothing new is taken while the installation is worked on."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.audit.origin import COMMAND as BY_COMMAND
from accounts.audit.origin import Origin, acting
from accounts.errors import InvalidValue
from accounts.operators.maintenance import notice
from accounts.operators.operating import COMMAND
from accounts.operators.remembered import SECONDS
from accounts.operators.services import begin_maintenance, end_maintenance


class Command(BaseCommand):
    """Begins and ends maintenance, or says whether there is any."""

    help = "Takes nothing new while on; runs under way go on. Without a word: says how it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("switch", nargs="?", choices=["on", "off"])
        parser.add_argument("--message", default="", help="What people are told.")
        parser.add_argument("--minutes", type=float, help="How long it is expected to take.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["switch"] is None:
            told = notice()
            self.stdout.write("off" if told is None else f"on: {told.sentence}")
            return
        with acting(Origin(BY_COMMAND)):
            if options["switch"] == "off":
                was_on = end_maintenance(COMMAND)
                self.stdout.write("Everything is taken again." if was_on else "It was off.")
                return
            try:
                begin_maintenance(
                    COMMAND, message=options["message"], expected_end=_end(options["minutes"])
                )
            except InvalidValue as refused:
                raise CommandError(refused.message) from refused
        self.stdout.write(f"Nothing new is taken, everywhere within {SECONDS:g} seconds.")


def _end(minutes: float | None) -> Any:
    if minutes is None:
        return None
    # A year; more is a slip, and infinity no time at all.
    if not 0 < minutes <= 525_600:
        raise CommandError("--minutes is a number above 0, a year's at most.")
    return timezone.now() + timedelta(minutes=minutes)
