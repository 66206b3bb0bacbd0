"""Whose an address is: who verified it, who only claims it, and what becomes of claims."""

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.authentication.sign_ins import record_about
from accounts.models import User


def owner_of(email: str) -> User | None:
    """Who verified the address. Having typed it makes nobody its owner."""
    row = EmailAddress.objects.filter(email=email.lower(), verified=True).first()
    return row.user if row is not None else None


def is_signed_in_with(email: str) -> bool:
    """Whether an account that never verified the address has it as the one that signs it in."""
    unverified = EmailAddress.objects.filter(email=email.lower(), verified=False)
    if unverified.filter(primary=True).exists():
        return True
    return owner_of(email) is None and User.objects.filter(email__iexact=email).exists()


def end_claims(email: str) -> int:
    """Take an address from who added it to their account and never verified it; says how many.

    For when its owner comes: they would not get an account beside the claim.
    """
    claims = EmailAddress.objects.filter(email=email.lower(), verified=False, primary=False)
    with transaction.atomic():
        ending = list(claims.exclude(user__email__iexact=email).select_related("user"))
        for claim in ending:
            claim.delete()
            record_about(claim.user, "email.remove", by=None, removed=email.lower())
    return len(ending)
