"""`manage.py assets`: builds the front end."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fluxprompt.assets import AssetsError, build


class Command(BaseCommand):
    """Builds static/build where its sources changed."""

    help = "Builds the front end where its sources changed (`up` and `test` do it)."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own attribute

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            built = build(self.stdout.write)
        except AssetsError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Built." if built else "Nothing had changed.")
