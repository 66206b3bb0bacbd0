"""The first person: a one-time link that `up` prints while there is nobody yet."""

import secrets

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.authentication.vouching import vouch_for
from accounts.models import SetupLink, User
from accounts.services import create_workspace


class SetupLinkDead(Exception):
    """The link was used already, or was never one."""

    code = "setup_link_dead"


def setup_link() -> str | None:
    """The set-up page's whole address, the same until it is used; None once there is a user."""
    if User.objects.exists():
        return None
    link, _ = SetupLink.objects.get_or_create(pk=1, defaults={"nonce": secrets.token_hex(32)})
    return settings.FLUX_PUBLIC_URL.rstrip("/") + reverse("setup", args=[_token(link)])


def is_open(token: str) -> bool:
    """Whether this link still lets somebody in."""
    link = SetupLink.objects.first()
    return link is not None and _fits(link, token) and not User.objects.exists()


def use_setup_link(
    token: str, *, name: str, email: str, password: str, workspace_name: str
) -> User:
    """Make the first operator and their workspace; the link is dead afterwards."""
    with transaction.atomic():
        # The lock makes two people who hold the link one after the other.
        link = SetupLink.objects.select_for_update().first()
        if link is None or not _fits(link, token) or User.objects.exists():
            raise SetupLinkDead
        user = User.objects.create_user(
            email, password, name=name, is_staff=True, is_superuser=True
        )
        vouch_for(user)
        create_workspace(user, name=workspace_name)
        link.delete()
    return user


def _token(link: SetupLink) -> str:
    return salted_hmac("accounts.setup", link.nonce, algorithm="sha256").hexdigest()[:43]


def _fits(link: SetupLink, token: str) -> bool:
    return constant_time_compare(_token(link), token)
