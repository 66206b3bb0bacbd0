"""What each type of credential consists of: open settings and secret fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.credentials.checks import CHECKS, one_line
from accounts.errors import InvalidValue
from accounts.models import Credential, CredentialType


@dataclass(frozen=True)
class Field:
    """One field of a credential, as a person fills it in.

    `choices` are (value, label); `default` stands where nothing was filled in. `address`: it says
    where or how the secrets are sent, so it changes only together with them. `lines`: several.
    """

    name: str
    label: str
    secret: bool = False
    required: bool = True
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    default: str = ""
    address: bool = False
    lines: bool = False


_API_KEY = Field("api_key", "API key", secret=True)
_USER = Field("username", "User")
_PASSWORD = Field("password", "Password", secret=True)
_HOST = Field("host", "Host", address=True, help="As in db.example.com")
_TLS = Field(
    "tls",
    "Encryption",
    default="verify",
    address=True,
    choices=(
        ("verify", "Encrypted, certificate checked"),
        ("require", "Encrypted, certificate not checked"),
        ("off", "Not encrypted"),
    ),
)
_AUTHORITY = Field(
    "ca",
    "Certificate authority",
    required=False,
    address=True,
    lines=True,
    help="In PEM form, where the server's certificate is not from a public one.",
)


def _port(default: str) -> Field:
    return Field("port", "Port", default=default, address=True, help=f"Left empty: {default}")


def _database(port: str) -> tuple[Field, ...]:
    name = Field("database", "Database")
    return (_HOST, _port(port), name, _USER, _PASSWORD, _TLS, _AUTHORITY)


FIELDS: dict[str, tuple[Field, ...]] = {
    CredentialType.ANTHROPIC: (_API_KEY,),
    CredentialType.OPENAI: (
        _API_KEY,
        Field(
            "base_url",
            "Address",
            required=False,
            address=True,
            help="Only where it is not OpenAI's own.",
        ),
    ),
    CredentialType.OPENAI_COMPATIBLE: (
        Field(
            "base_url",
            "Address",
            address=True,
            help="Up to and with /v1, as in https://models.example/v1",
        ),
        Field("api_key", "API key", secret=True, required=False),
        Field("default_model", "Model", required=False, help="Offered first; a name it knows."),
    ),
    CredentialType.BEARER: (Field("token", "Token", secret=True),),
    CredentialType.BASIC: (_USER, _PASSWORD),
    CredentialType.HEADER: (
        Field("header", "Header name", help="As in X-Api-Key"),
        Field("value", "Value", secret=True),
    ),
    CredentialType.POSTGRESQL: _database("5432"),
    CredentialType.MYSQL: _database("3306"),
    CredentialType.SMTP: (
        Field("host", "Host", address=True, help="As in smtp.example.com"),
        _port("587"),
        Field(
            "security",
            "Encryption",
            default="starttls",
            address=True,
            choices=(
                ("starttls", "STARTTLS (usually port 587)"),
                ("tls", "TLS from the start (usually port 465)"),
                ("none", "Not encrypted"),
            ),
        ),
        Field("username", "User", required=False),
        Field("password", "Password", secret=True, required=False),
        Field("sender", "Sender", help="As in Shop <shop@example.com>"),
        _AUTHORITY,
    ),
    CredentialType.MCP: (
        Field("url", "Address", address=True, help="As in https://tools.example.com/mcp"),
        Field("token", "Token", secret=True, required=False),
        Field(
            "header",
            "Header name",
            required=False,
            help="Left empty, the token is sent as Authorization: Bearer.",
        ),
    ),
}

#: How a credential signs in that a person connects at the provider, in the browser.
CONNECTED = "authorization_code"
FIELDS[CredentialType.OAUTH2] = (
    Field(
        "grant",
        "Signs in by",
        default="client_credentials",
        address=True,
        choices=(
            ("client_credentials", "The client's own id and secret"),
            ("refresh_token", "A refresh token, on behalf of a person"),
            (CONNECTED, "A person, by Connect"),
        ),
    ),
    Field(
        "authorization_url",
        "Sign-in address",
        required=False,
        help="Only for Connect. As in https://auth.example.com/oauth2/authorize",
    ),
    Field(
        "token_url",
        "Token address",
        address=True,
        help="As in https://auth.example.com/oauth2/token",
    ),
    Field("client_id", "Client id"),
    Field("client_secret", "Client secret", secret=True, required=False),
    Field(
        "client_auth",
        "Client is told by",
        default="basic",
        choices=(("basic", "Header (Basic)"), ("body", "Fields of the request")),
    ),
    Field("scope", "Scopes", required=False, help="With spaces between them."),
    Field("audience", "Audience", required=False, help="Only where the server asks for it."),
    Field(
        "refresh_token",
        "Refresh token",
        secret=True,
        required=False,
        help="Where it signs in by one. A new one that the server gives takes its place.",
    ),
    Field(
        "url",
        "Address of an MCP server",
        required=False,
        address=True,
        help="Only for MCP nodes; HTTP requests have addresses of their own.",
    ),
)

#: The types that open a language model's provider.
MODEL_PROVIDERS = (
    CredentialType.ANTHROPIC,
    CredentialType.OPENAI,
    CredentialType.OPENAI_COMPATIBLE,
)


#: What is kept of a connection, beside its secrets.
CONNECTION = ("connected_at", "connected_by", "connected_as", "connected_until")


def end_connection(credential: Credential) -> None:
    """Nobody is connected any more; whoever calls saves it, and drops what was given."""
    credential.connected_at = credential.connected_by = credential.connected_until = None
    credential.connected_as = ""


def split(credential_type: str, values: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """(settings, secret) from what was filled in. Raises InvalidValue."""
    if credential_type not in FIELDS:
        known = ", ".join(FIELDS)
        raise InvalidValue("type", f"There is no such type of credential. Choose of {known}.")
    open_part: dict[str, str] = {}
    secret_part: dict[str, str] = {}
    for field in FIELDS[credential_type]:
        value = str(values.get(field.name) or "").strip() or field.default
        if not value and field.required:
            raise InvalidValue(field.name, f"Fill in '{field.label}'.")
        if value:
            _check(field, value)
            (secret_part if field.secret else open_part)[field.name] = value
    if secret_part.get("password") and open_part.get("security") == "none":
        raise InvalidValue(
            "security",
            "A password is never sent unencrypted. Choose STARTTLS or TLS.",
        )
    if credential_type == CredentialType.OAUTH2:
        _check_grant(open_part, secret_part)
    return open_part, secret_part


def _check_grant(open_part: Mapping[str, str], secret_part: Mapping[str, str]) -> None:
    """What each way of signing in needs. Raises InvalidValue."""
    needed = {"refresh_token": "refresh_token", CONNECTED: "authorization_url"}.get(
        open_part["grant"], "client_secret"
    )
    if needed not in {**open_part, **secret_part}:
        label = {field.name: field.label for field in FIELDS[CredentialType.OAUTH2]}[needed]
        raise InvalidValue(needed, f"Fill in '{label}': it signs in by it.")


def address_moved(credential_type: str, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """The field by which the secrets would go elsewhere or less safely than before; else empty."""
    for field in FIELDS[credential_type]:
        if field.address and (old.get(field.name) or "") != (new.get(field.name) or ""):
            return field.name
    return ""


def _check(field: Field, value: str) -> None:
    if not field.lines:
        one_line(field.name, value)
    if field.choices and value not in dict(field.choices):
        known = ", ".join(name for name, _ in field.choices)
        raise InvalidValue(field.name, f"Choose one of {known}.")
    if check := CHECKS.get(field.name):
        check(field.name, value)
