"""Addresses that count as verified because somebody who may say so said whose they are."""

from django.apps import apps
from django.db import transaction

from accounts.models import User


def vouch_for(user: User, *, instead_of: str = "") -> None:
    """The person's address counts as verified, and is the one that mail goes to.

    For who came by the set-up link, was made by an operator or a command, followed the link of an
    invitation that was mailed to exactly this address, or came by a provider that says it is
    theirs. The address `instead_of` stops: it lets nobody in any more. Where somebody else has
    verified this address it stays unverified.
    """
    if not apps.is_installed("allauth.account"):
        return
    from allauth.account.models import EmailAddress

    with transaction.atomic():
        theirs = EmailAddress.objects.filter(user=user)
        if instead_of:
            theirs.filter(email__iexact=instead_of).exclude(email=user.email).delete()
        theirs.filter(primary=True).exclude(email=user.email).update(primary=False)
        others = EmailAddress.objects.exclude(user=user)
        is_taken = others.filter(email__iexact=user.email, verified=True).exists()
        EmailAddress.objects.update_or_create(
            user=user, email=user.email, defaults={"verified": not is_taken, "primary": True}
        )
