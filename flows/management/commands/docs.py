"""`manage.py docs`: writes docs/nodes.md from the node types' folders."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from flows.engine.registry import Registry
from flows.reference import nodes_page


class Command(BaseCommand):
    """Writes the generated page, or says that it is stale."""

    help = "Writes docs/nodes.md from the node types in flows/nodes."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own attribute

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say whether it is current")
        parser.add_argument("--output", type=Path, default=settings.BASE_DIR / "docs" / "nodes.md")

    def handle(self, *args: Any, check: bool, output: Path, **options: Any) -> None:
        # Without FLUX_NODE_PATHS: the page is about what is in the checkout.
        page = nodes_page(Registry.read())
        current = output.is_file() and output.read_text(encoding="utf-8") == page
        if check and not current:
            raise CommandError(f"{output} is stale. Run `python3 manage.py docs` and commit it.")
        if not current:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(page, encoding="utf-8")
        self.stdout.write(f"{output} is current." if current else f"{output} is written.")
