"""`refresh_models`: the catalogue of models as the installed price package has it."""

from typing import Any

from django.core.management.base import BaseCommand

from billing.package_models import source
from billing.services import refresh_catalogue


class Command(BaseCommand):
    """Changes nothing that an operator has set."""

    help = "Refreshes the catalogue of models from the installed price package."

    def handle(self, *args: Any, **options: Any) -> None:
        done = refresh_catalogue()
        self.stdout.write(
            f"{source()}: {done.added} models are new, {done.changed} changed, {done.kept} stayed "
            f"as they were; {done.unknown} are left out, as nothing is known of what they can do."
        )
