"""`password_reset_link`: a one-time link by which a person sets a new password."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.audit.origin import COMMAND, Origin, acting
from accounts.authentication.reset_links import reset_link
from accounts.models import User


class Command(BaseCommand):
    """Prints only the link. Give it to the person over a way that only they read."""

    help = "Print a one-time link by which a person sets a new password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="Whose password.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(f"Nobody has the e-mail address {options['email']}.")
        if not user.is_active:
            raise CommandError(f"{user.email} is switched off. An operator switches them on again.")
        with acting(Origin(COMMAND)):
            self.stdout.write(reset_link(user, by="command"))
