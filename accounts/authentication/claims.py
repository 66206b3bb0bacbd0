"""Whose an address is: who verified it, who only claims it, and what becomes of claims."""

from contextlib import suppress

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.authentication.sign_ins import record_about
from accounts.authentication.vouching import vouch_for
from accounts.errors import DeletionRefused
from accounts.models import ApiKey, User
from accounts.people.departing import delete_person


def owner_of(email: str) -> User | None:
    """Who verified the address. Having typed it makes nobody its owner."""
    row = EmailAddress.objects.filter(email=email.lower(), verified=True).first()
    return row.user if row is not None else None


def signed_in_by(email: str) -> User | None:
    """Whose account has the address as the one that signs it in, and never verified it."""
    unverified = EmailAddress.objects.filter(email=email.lower(), verified=False, primary=True)
    if (row := unverified.first()) is not None:
        return row.user
    if owner_of(email) is not None:
        return None
    return User.objects.filter(email__iexact=email).first()


def is_only_claimed(email: str) -> bool:
    """Whether all that have the address sign in with another, and never verified it."""
    rows = EmailAddress.objects.filter(email=email.lower())
    return rows.exists() and owner_of(email) is None and signed_in_by(email) is None


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


def hand_over_unused(email: str, *, name: str, by: str) -> bool:
    """Give an account that never let anybody in to the owner of its address; False: there is none.

    `by` is the provider that says whose it is, `name` what it calls them. Whoever signed up may
    have been somebody else: the password that they chose ends, and so does what they connected.
    """
    with transaction.atomic():
        user = _unused(email).select_for_update().first()
        if user is None:
            return False
        SocialAccount.objects.filter(user=user).delete()
        user.set_unusable_password()
        user.name = name or user.name
        user.save(update_fields=["password", "name"])
        vouch_for(user)
        record_about(user, "email.verify", **{"with": by})
    return True


def end_unused(email: str, *, owner: User) -> bool:
    """Delete an account that waits for this address, which somebody else has verified by now.

    It never let anybody in, and nobody can verify it any more. False: another account has the
    address still.
    """
    others = User.objects.filter(email__iexact=email).exclude(pk=owner.pk)
    for user in _unused(email).exclude(pk=owner.pk):
        with suppress(DeletionRefused):
            delete_person(user)
    return not others.exists()


def _unused(email: str) -> QuerySet[User]:
    """Accounts that wait for this address to be verified, and got nothing yet.

    An account of a provider that does not prove the address may be connected: nobody was let in by
    it either. Only where that is asked of everybody: elsewhere who made one may be in it.
    """
    if settings.ACCOUNT_EMAIL_VERIFICATION != "mandatory":
        return User.objects.none()
    whose = OuterRef("pk")
    return User.objects.filter(
        ~Exists(Authenticator.objects.filter(user=whose)),
        ~Exists(ApiKey.objects.filter(created_by=whose)),
        email__iexact=email,
        last_login=None,
        is_active=True,
        is_staff=False,
        is_superuser=False,
    )
