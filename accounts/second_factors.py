"""Second factors are stored encrypted, with the keys of the vault."""

from allauth.mfa.adapter import DefaultMFAAdapter

from accounts.vault import open_text, seal_text


class EncryptedFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's behaviour; the seeds of codes are unreadable in the database."""

    def encrypt(self, text: str) -> str:
        return seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        return open_text(encrypted_text)
