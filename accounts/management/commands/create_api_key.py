"""`create_api_key`: a new key for the REST API, alone on standard output."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.audit.origin import COMMAND, Origin, acting
from accounts.models import Membership, User
from accounts.permissions import DEFAULT_SCOPES, PermissionRefused, member_actor
from accounts.services import InvalidValue, create_api_key


class Command(BaseCommand):
    """Prints only the key, so that `KEY=$(manage.py create_api_key …)` works."""

    help = "Make an API key and print it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="What the key is for.")
        parser.add_argument("--email", required=True, help="Member who makes the key.")
        parser.add_argument("--workspace", metavar="SLUG", help="Default: their first workspace.")
        parser.add_argument(
            "--scopes",
            default=",".join(DEFAULT_SCOPES),
            help="Comma-separated (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        membership = _membership(options["email"], options["workspace"])
        actor = member_actor(membership.user, membership.workspace)
        if actor is None:
            raise CommandError("The membership ended just now.")
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        try:
            with acting(Origin(COMMAND)):
                _, token = create_api_key(actor, name=options["name"], scopes=scopes)
        except (InvalidValue, PermissionRefused) as refused:
            raise CommandError(refused.message) from None
        self.stdout.write(token)


def _membership(email: str, slug: str | None) -> Membership:
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise CommandError(f"Nobody has the e-mail address {email}. Make them first.")
    memberships = list(
        Membership.objects.filter(user=user)
        .select_related("user", "workspace")
        .order_by("created_at")
    )
    for membership in memberships:
        if slug in (None, membership.workspace.slug):
            return membership
    slugs = ", ".join(membership.workspace.slug for membership in memberships) or "none"
    raise CommandError(f"{email} is no member of the workspace '{slug}'. Theirs: {slugs}.")
