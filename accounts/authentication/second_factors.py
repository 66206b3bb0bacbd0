"""Second factors: stored encrypted with the vault's keys, named by us, and asked of operators."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest

from accounts.authentication.passkeys import relying_party
from accounts.credentials.vault import open_text, seal_text

NEEDS_FACTOR = "Operators need a second factor here. Add one, then the console opens."


def lacks_factor(request: HttpRequest) -> bool:
    """Whether this operator has to add a second factor first (FLUX_OPERATORS_NEED_2FA).

    Recovery codes alone are none: they stand in for one that was lost.
    """
    if not settings.FLUX_OPERATORS_NEED_2FA:
        return False
    factors = Authenticator.objects.filter(user_id=request.user.pk)
    real = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return not factors.filter(type__in=real).exists()


class EncryptedFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's behaviour; the seeds of codes are unreadable in the database."""

    def encrypt(self, text: str) -> str:
        return seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        return open_text(encrypted_text)

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        number = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {number + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": relying_party(context.request), "name": "FluxPrompt"}
