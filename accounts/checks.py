"""Settings of this app that `manage.py check` looks at."""

from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error

from accounts.authentication.signing_up import SignupMode
from accounts.limits import DEFAULTS, RateInvalid, rate
from accounts.models import MAX_RETENTION_DAYS

VERIFICATION = ("none", "optional", "mandatory")


def settings_are_usable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """FLUX_SIGNUP is one of the words, FLUX_SECRET_KEYS are keys, the others days."""
    found: list[CheckMessage] = []
    if settings.FLUX_SIGNUP not in list(SignupMode):
        found.append(
            Error(
                f"FLUX_SIGNUP is '{settings.FLUX_SIGNUP}'.",
                hint=f"Set it to one of: {', '.join(SignupMode)}.",
                id="accounts.E001",
            )
        )
    for position, key in enumerate(settings.FLUX_SECRET_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            found.append(
                Error(
                    f"Key {position} of FLUX_SECRET_KEYS is not 32 bytes in URL-safe base64.",
                    hint="Make one: python -c 'import base64,os;"
                    "print(base64.urlsafe_b64encode(os.urandom(32)).decode())'",
                    id="accounts.E002",
                )
            )
    days_of = {
        "FLUX_RETENTION_DAYS": "runs",
        "FLUX_MEMORY_DAYS": "memories of sessions",
        "FLUX_AUDIT_DAYS": "audit events",
    }
    for number, (name, kept) in enumerate(days_of.items(), start=3):
        days = getattr(settings, name)
        if days is not None and not 1 <= days <= MAX_RETENTION_DAYS:
            found.append(
                Error(
                    f"{name} is {days}.",
                    hint=f"Set it to 1 to {MAX_RETENTION_DAYS} days, or to 0 to keep {kept} "
                    "for ever.",
                    id=f"accounts.E00{number}",
                )
            )
    return found + _doors() + _verification() + _providers()


def _verification() -> list[CheckMessage]:
    """FLUX_EMAIL_VERIFICATION is one of the words, and nobody waits for a mail that never comes."""
    chosen = settings.FLUX_EMAIL_VERIFICATION
    if chosen not in VERIFICATION:
        hint = f"Set it to one of: {', '.join(VERIFICATION)}."
        return [
            Error(f"FLUX_EMAIL_VERIFICATION is '{chosen}'.", hint=hint, id="accounts.E009"),
        ]
    if chosen == "mandatory" and not settings.FLUX_MAIL_REACHES_PEOPLE:
        hint = "Set EMAIL_URL to the address of a mail server, or FLUX_EMAIL_VERIFICATION to none."
        message = "FLUX_EMAIL_VERIFICATION is mandatory, and no mail reaches people."
        return [Error(message, hint=hint, id="accounts.E010")]
    return []


def _doors() -> list[CheckMessage]:
    """Limits of the open doors, and the proxies whose word on addresses counts."""
    found: list[CheckMessage] = []
    for door in DEFAULTS:
        try:
            rate(door)
        except RateInvalid as invalid:
            found.append(Error(str(invalid), hint="Mend FLUX_RATE_LIMITS.", id="accounts.E007"))
    for door in settings.FLUX_RATE_LIMITS.keys() - DEFAULTS.keys():
        hint = f"There are: {', '.join(DEFAULTS)}."
        found.append(Error(f"FLUX_RATE_LIMITS names '{door}'.", hint=hint, id="accounts.E008"))
    for proxy in settings.FLUX_TRUSTED_PROXIES:
        try:
            ip_network(proxy, strict=False)
        except ValueError:
            hint = "Write addresses or CIDR, comma-separated, as in 10.0.0.1,192.168.0.0/24."
            message = f"FLUX_TRUSTED_PROXIES names '{proxy}', which is no address."
            found.append(Error(message, hint=hint, id="accounts.E006"))
    return found


def _providers() -> list[CheckMessage]:
    """Providers of sign-in are set whole, and asked over an encrypted way."""
    found: list[CheckMessage] = []
    for provider in settings.FLUX_PROVIDERS:
        own_url = provider.key == "sso"
        name = {"google": "GOOGLE", "github": "GITHUB", "sso": "OIDC"}[provider.key]
        parts = {f"FLUX_{name}_CLIENT_ID": provider.client_id}
        parts[f"FLUX_{name}_CLIENT_SECRET"] = provider.secret
        if own_url:
            parts[f"FLUX_{name}_URL"] = provider.server_url
        missing = [part for part, value in parts.items() if not value]
        if missing and len(missing) < len(parts):
            message = f"Sign-in with {provider.name} is set in part: {', '.join(missing)} is not."
            hint = f"Set {' and '.join(parts)}, or none of them."
            found.append(Error(message, hint=hint, id="accounts.E011"))
        if own_url and provider.server_url and not _is_safe(provider.server_url):
            message = f"FLUX_OIDC_URL is '{provider.server_url}'."
            hint = "Write the provider's issuer, as in https://login.example.com/realms/main."
            found.append(Error(message, hint=hint, id="accounts.E012"))
    return found


def _is_safe(url: str) -> bool:
    """https; http on this machine only."""
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and local))
