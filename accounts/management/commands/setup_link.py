"""`setup_link`: the one-time link for the first person, as `up` prints it."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.authentication.setup import setup_link


class Command(BaseCommand):
    """Prints nothing once somebody has an account."""

    help = "Print the one-time set-up link while there is no user."

    def handle(self, *args: Any, **options: Any) -> None:
        link = setup_link()
        if link is not None:
            self.stdout.write(link)
