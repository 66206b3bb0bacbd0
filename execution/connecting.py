"""Connects an OAuth 2.0 credential in the browser: authorization code with PKCE (RFC 6749, 7636).

A person is sent to the provider with a state that is good once, for ten minutes, in this session,
for this person and this credential; what comes back is exchanged from here, through the guard of
all calls. A provider that names itself (RFC 9207) has to be the one that was asked.
"""

import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache import cache
from django.urls import reverse
from httpx2 import URL, InvalidURL

from accounts import queries
from accounts.credentials.connections import Connection, connect_credential
from accounts.credentials.types import CONNECTED
from accounts.credentials.vault import SecretUnreadable, open_text, seal_text
from accounts.errors import InvalidValue
from accounts.models import Credential, CredentialType
from accounts.permissions import Actor
from execution import egress
from execution.oauth2 import Given, exchange_code
from flows.engine.errors import NodeError

#: Seconds for which a state is good.
LIFE = 600
#: States that one session may have open: so many tabs, the oldest goes first.
MOST_OPEN = 5
_SESSION = "oauth2_connecting"
#: Characters of what a provider says that are shown.
_SHOWN = 300
#: Parameters that are ours in the provider's address.
_OURS = ("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge")


class ConnectRefused(Exception):
    """Nothing was connected; `message` says why and what to do, `credential` which, if known."""

    code = "connect_refused"

    def __init__(self, message: str, credential: Credential | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.credential = credential


_UNKNOWN = (
    "This answer belongs to no sign-in that is open here: it was used already, is older than ten "
    "minutes, or was begun in another browser. Open the credential and connect again."
)


def redirect_uri() -> str:
    """Where the provider sends people back to; it has to be registered there."""
    return str(settings.FLUX_PUBLIC_URL).rstrip("/") + reverse("credential-connected")


def may_connect(credential: Credential) -> bool:
    """Whether people connect it, instead of filling in what it signs in by."""
    return (
        credential.type == CredentialType.OAUTH2 and credential.settings.get("grant") == CONNECTED
    )


def begin_connecting(actor: Actor, credential: Credential, session: SessionBase) -> str:
    """The provider's address to send the person to. Raises ConnectRefused, PermissionRefused."""
    actor.require("credential.manage")
    if not may_connect(credential):
        raise ConnectRefused("Choose 'A person, by Connect' as what it signs in by.", credential)
    said = credential.settings
    for name, label in (("authorization_url", "sign-in"), ("token_url", "token")):
        _check_private(said[name], label, credential)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    begun = {
        "credential": str(credential.id),
        "user": str(actor.user_id),
        "at": int(time.time()),
        "settings": _digest(said),
        "verifier": seal_text(verifier),
    }
    pending = _pending(session)
    session[_SESSION] = {**dict(list(pending.items())[1 - MOST_OPEN :]), _key(state): begun}
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    parts = urlsplit(said["authorization_url"])
    asked = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name not in _OURS and not name.startswith("code_challenge")
    ]
    asked += [
        ("response_type", "code"),
        ("client_id", said["client_id"]),
        ("redirect_uri", redirect_uri()),
        ("state", state),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ]
    asked += [(name, said[name]) for name in ("scope", "audience") if said.get(name)]
    if said.get("url"):
        asked.append(("resource", said["url"]))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(asked), ""))


def finish_connecting(actor: Actor, session: SessionBase, sent: Mapping[str, str]) -> Credential:
    """Exchange what the provider sent back with the person, and keep what it gives.

    `sent` is what stands behind the question mark. Raises ConnectRefused, PermissionRefused.
    """
    actor.require("credential.manage")
    begun = _taken(actor, session, sent.get("state", ""))
    credential = queries.credentials(actor).filter(id=UUID(begun["credential"])).first()
    if credential is None:
        raise ConnectRefused("The credential is not in this workspace any more. Nothing was kept.")
    if not may_connect(credential) or _digest(credential.settings) != begun["settings"]:
        raise ConnectRefused("The credential was changed meanwhile. Connect again.", credential)
    _check_issuer(credential, sent.get("iss", ""))
    code = sent.get("code", "")
    if "error" in sent or not code:
        raise ConnectRefused(_said_no(credential, sent), credential)
    try:
        verifier = open_text(begun["verifier"])
        given: Given = async_to_sync(exchange_code)(
            credential.workspace_id, credential.id, code, verifier, redirect_uri()
        )
        connection = Connection(given.token, given.seconds, given.refresh, given.account)
        return connect_credential(actor, credential, connection, asked_with=credential.settings)
    except (NodeError, InvalidValue, SecretUnreadable) as error:
        raise ConnectRefused(error.message, credential) from error


def _taken(actor: Actor, session: SessionBase, state: str) -> dict[str, Any]:
    """What was begun with this state, which is used up by asking. Raises ConnectRefused."""
    pending = _pending(session)
    begun = pending.pop(_key(state), None)
    if begun is None:
        raise ConnectRefused(_UNKNOWN)
    session[_SESSION] = pending
    # Two answers at once both find it in the session: the shared cache lets one of them have it.
    first = cache.add(f"flux-oauth2-state:{_key(state)}", 1, timeout=2 * LIFE)
    if not first or begun["user"] != str(actor.user_id) or time.time() - begun["at"] > LIFE:
        raise ConnectRefused(_UNKNOWN)
    found: dict[str, Any] = begun
    return found


def _pending(session: SessionBase) -> dict[str, Any]:
    return dict(session.get(_SESSION) or {})


def _key(state: str) -> str:
    """What is kept of a state: who reads the sessions cannot answer in a person's place."""
    return hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()


def _digest(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _check_private(address: str, label: str, credential: Credential) -> None:
    """Raise ConnectRefused for http:// beyond private networks: a code could be read on the way."""
    if urlsplit(address).scheme == "https":
        return
    try:
        async_to_sync(egress.check_private)(URL(address))
    except (NodeError, InvalidURL):
        raise ConnectRefused(
            f"The {label} address begins with http://: anyone on the way could read along. Use "
            "https://.",
            credential,
        ) from None


def _check_issuer(credential: Credential, issuer: str) -> None:
    """Another provider's answer in the place of the one that was asked (RFC 9207) is refused."""
    if not issuer:
        return
    try:
        named = urlsplit(issuer)[:2]
    except ValueError:
        named = ("", "")
    if named != urlsplit(credential.settings["authorization_url"])[:2]:
        raise ConnectRefused(
            "The answer names another provider than the one that was asked. Nothing was kept.",
            credential,
        )


def _said_no(credential: Credential, sent: Mapping[str, str]) -> str:
    """The provider's words, on one line and cut."""
    if sent.get("error") == "access_denied":
        return "The provider was not allowed to connect: access was denied there. Try again."
    words = " ".join(f"{sent.get('error', '')} {sent.get('error_description', '')}".split())
    if not words:
        return "The provider sent no code. Check the sign-in address and connect again."
    shown = "".join(sign for sign in words if sign.isprintable())[:_SHOWN]
    return (
        f"The provider refused: {shown}. Check the client's id, its scopes and the redirect "
        "address that is registered there."
    )
