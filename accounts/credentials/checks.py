"""Checks of what is filled in for a credential, by the field's name. They raise InvalidValue."""

import re
import ssl
from collections.abc import Callable
from email.utils import parseaddr
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.errors import InvalidValue

#: A host's name as resolvers take it; underscores occur in private networks.
_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*\.?\Z")
#: Letters of a bundle of authorities: some clouds publish a few dozen in one file.
_LONGEST_BUNDLE = 400_000


def one_line(name: str, value: str) -> None:
    if any(character < " " for character in value):
        raise InvalidValue(name, "Line breaks and control characters are not allowed here.")


def _web_address(name: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise InvalidValue(name, "Give a whole address that begins with https://.")
    if parts.username or parts.password:
        raise InvalidValue(name, "Put the user and password into the other fields.")


def _header_name(name: str, value: str) -> None:
    if not value.isascii() or not value.replace("-", "").replace("_", "").isalnum():
        raise InvalidValue(name, "A header name has letters, digits, - and _ only.")


def _host(name: str, value: str) -> None:
    try:
        ip_address(value)
    except ValueError:
        if not _HOST.match(value):
            message = "Give the host's name alone, as in db.example.com: no https://, no port."
            raise InvalidValue(name, message) from None


def _port(name: str, value: str) -> None:
    if not (value.isascii() and value.isdigit() and 0 < int(value[:9]) < 65_536):
        raise InvalidValue(name, "Give a port from 1 to 65535.")


def _sender(name: str, value: str) -> None:
    _, address = parseaddr(value)
    try:
        validate_email(address)
    except ValidationError:
        message = "Give one e-mail address, as in shop@example.com or Shop <shop@example.com>."
        raise InvalidValue(name, message) from None


def _authority(name: str, value: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if len(value) > _LONGEST_BUNDLE:
            raise ValueError("too long")
        context.load_verify_locations(cadata=value)
    except (ssl.SSLError, ValueError):
        message = "Give certificates in PEM form: -----BEGIN CERTIFICATE----- and what follows."
        raise InvalidValue(name, message) from None


CHECKS: dict[str, Callable[[str, str], None]] = {
    "base_url": _web_address,
    "url": _web_address,
    "token_url": _web_address,
    "authorization_url": _web_address,
    "header": _header_name,
    "host": _host,
    "port": _port,
    "sender": _sender,
    "ca": _authority,
}
