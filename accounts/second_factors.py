"""Second factors are stored encrypted, with the keys of the vault; passkeys know our name."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator

from accounts.passkeys import relying_party
from accounts.vault import open_text, seal_text


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
