"""Reads the addresses of mails: one person each, and nothing that could become a header."""

import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr

#: Letters of an address (RFC 5321, 4.5.3.1) and of the name before it.
_LONGEST = 254
_LONGEST_NAME = 200
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}")


@dataclass(frozen=True)
class MailAddress:
    """`address` is plain ASCII (a domain of other letters as xn--…); `name` may be empty."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def read_address(text: str) -> MailAddress:
    """From `ada@example.com` or `Ada <ada@example.com>`. Raises ValueError."""
    text = text.strip()
    shown = text[:80]
    if any(character < " " or character == "\x7f" for character in text):
        raise ValueError("an address holds a line break; remove it")
    name, address = parseaddr(text, strict=True)
    local, _, domain = address.rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        domain = ""
    if not (_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain) and not _dots(local)):
        raise ValueError(f"'{shown}' is no e-mail address; write ada@example.com")
    if len(local) + len(domain) + 1 > _LONGEST or len(name) > _LONGEST_NAME:
        raise ValueError(f"'{shown}' is too long for an e-mail address")
    return MailAddress(f"{local}@{domain}", name)


def _dots(local: str) -> bool:
    return local.startswith(".") or local.endswith(".") or ".." in local


def as_header(address: MailAddress) -> Address:
    """For the email package. Raises ValueError where it cannot stand in a header."""
    try:
        return Address(address.name, addr_spec=address.address)
    except HeaderParseError as error:
        raise ValueError(str(error)) from error
