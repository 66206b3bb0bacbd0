"""`rotate_secrets`: every stored secret encrypted anew with the newest key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.credentials.rotation import rotate_secrets


class Command(BaseCommand):
    """Run it after putting a new key in front of FLUX_SECRET_KEYS; then the old key may go."""

    help = "Encrypt every stored secret with the newest key of FLUX_SECRET_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        outcome = rotate_secrets()
        self.stdout.write(f"{outcome.rotated} secrets are encrypted with the newest key.")
        if not outcome.unreadable:
            return
        for line in outcome.unreadable:
            self.stderr.write(f"Not readable: {line}")
        raise CommandError(
            f"{len(outcome.unreadable)} secrets could not be read and were left as they are. "
            "Add the key they were made with to the end of FLUX_SECRET_KEYS, or enter them again."
        )
