"""`manage.py prepare`: what has to be true before the web server and the workers start."""

from io import StringIO
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from fluxprompt import assets
from fluxprompt.embedded.database_state import mark_prepared


class Command(BaseCommand):
    """Migrates, makes the cache table, refreshes the models, builds and collects the front end."""

    help = "Brings the database and the collected static files up to date (`up` does it)."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own attribute

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("part", nargs="*", choices=["database", "static", []])

    def handle(self, *args: Any, **options: Any) -> None:
        parts = options["part"] or ["database", "static"]
        if "database" in parts:
            call_command("migrate", interactive=False, verbosity=options["verbosity"])
            call_command("createcachetable")
            call_command("refresh_models", verbosity=0, stdout=StringIO())
            with connection.cursor() as cursor:
                mark_prepared(cursor.connection)
            connection.commit()
        if "static" in parts:
            self._build()
            call_command("collectstatic", interactive=False, clear=True, verbosity=0)

    def _build(self) -> None:
        """Build the front end, without which every page fails; an older build will do."""
        try:
            assets.build(self.stderr.write)
        except (assets.AssetsError, OSError) as error:
            if not assets.BUILT.exists():
                raise CommandError(f"The front end is not built: {error}") from error
            self.stderr.write(f"The front end stays as it was built before: {error}")
