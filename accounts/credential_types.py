"""What each type of credential consists of: open settings and secret fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from accounts.errors import InvalidValue
from accounts.models import CredentialType


@dataclass(frozen=True)
class Field:
    """One field of a credential, as a person fills it in."""

    name: str
    label: str
    secret: bool = False
    required: bool = True
    help: str = ""


_API_KEY = Field("api_key", "API key", secret=True)

FIELDS: dict[str, tuple[Field, ...]] = {
    CredentialType.ANTHROPIC: (_API_KEY,),
    CredentialType.OPENAI: (
        _API_KEY,
        Field("base_url", "Address", required=False, help="Only where it is not OpenAI's own."),
    ),
    CredentialType.OPENAI_COMPATIBLE: (
        Field("base_url", "Address", help="Up to and with /v1, as in https://models.example/v1"),
        Field("api_key", "API key", secret=True, required=False),
        Field("default_model", "Model", required=False, help="Offered first; a name it knows."),
    ),
    CredentialType.BEARER: (Field("token", "Token", secret=True),),
    CredentialType.BASIC: (
        Field("username", "User"),
        Field("password", "Password", secret=True),
    ),
    CredentialType.HEADER: (
        Field("header", "Header name", help="As in X-Api-Key"),
        Field("value", "Value", secret=True),
    ),
}

#: The types that open a language model's provider.
MODEL_PROVIDERS = (
    CredentialType.ANTHROPIC,
    CredentialType.OPENAI,
    CredentialType.OPENAI_COMPATIBLE,
)


def split(credential_type: str, values: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """(settings, secret) from what was filled in. Raises InvalidValue."""
    if credential_type not in FIELDS:
        known = ", ".join(FIELDS)
        raise InvalidValue("type", f"There is no such type of credential. Choose of {known}.")
    open_part: dict[str, str] = {}
    secret_part: dict[str, str] = {}
    for field in FIELDS[credential_type]:
        value = str(values.get(field.name) or "").strip()
        if not value and field.required:
            raise InvalidValue(field.name, f"Fill in '{field.label}'.")
        if value:
            _check(field.name, value)
            (secret_part if field.secret else open_part)[field.name] = value
    return open_part, secret_part


def _check(name: str, value: str) -> None:
    if any(character < " " for character in value):
        raise InvalidValue(name, "Line breaks and control characters are not allowed here.")
    if name == "base_url":
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidValue(name, "Give a whole address that begins with https://.")
        if parts.username or parts.password:
            raise InvalidValue(name, "Put the user and password into the other fields.")
    if name == "header" and not value.replace("-", "").replace("_", "").isalnum():
        raise InvalidValue(name, "A header name has letters, digits, - and _ only.")
