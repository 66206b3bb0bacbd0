"""Access tokens of OAuth 2.0 credentials (RFC 6749): fetched once, kept sealed, shared by workers.

One worker at a time asks the token server; a claim on the row says which, and ends by itself should
that worker die. The others wait for what it brings. A refresh token that the server replaces is
stored with the access token, in one transaction, for the old one may be worth nothing by then.
"""

import asyncio
import json
import random
from base64 import b64encode, urlsafe_b64decode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from accounts.credentials.types import CONNECTED
from accounts.credentials.vault import OpenCredential, SecretUnreadable, mask, seal, unseal
from accounts.models import AccessToken, Credential
from execution import egress
from execution.database import in_database
from flows.engine.errors import NodeError
from flows.engine.json_values import storable_text
from flows.engine.node_type import HttpAnswer

#: Seconds that a token server has, and after which a worker that fetches is taken for dead.
FETCH_SECONDS = 20.0
CLAIM_SECONDS = 30
#: Seconds between two looks while another worker fetches, and until one gives up waiting.
LOOK_EVERY = 0.1
PATIENCE = 45.0
#: Seconds before its end from which a token is not used any more: or a tenth of its life.
MARGIN = 60
#: Seconds that a token is taken to live where its server does not say; and at most.
DEFAULT_LIFE = 3_600
LONGEST_LIFE = 365 * 86_400
MAX_BYTES = 100_000
MAX_TOKEN = 20_000
FIELD = "credential"


_ANEW = {
    "refresh_token": "The refresh token is not valid any more: sign in anew and enter the new one.",
    CONNECTED: "The connection is not valid any more: open the credential and connect again.",
}


@dataclass(frozen=True)
class Given:
    """What a token server gave. `refresh`: a new refresh token, else empty; `account`: as whom the
    provider knows the person, where it said so.
    """

    token: str = field(repr=False)
    seconds: int
    refresh: str = field(default="", repr=False)
    account: str = ""


async def access_token(
    workspace_id: UUID, opened: OpenCredential, *, stale: str = ""
) -> tuple[str, set[str]]:
    """A valid access token, and all secrets there were on the way to it.

    `stale` is one that a service refused: it is not given again. Raises NodeError: oauth2_refused,
    oauth2_failed, and those of calls.
    """
    fetcher = uuid4()
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        known = await in_database(lambda: _kept(workspace_id, opened.id, stale))
        if known:
            return known, {known}
        if await in_database(lambda: _claim(opened.id, fetcher)):
            break
        if asyncio.get_running_loop().time() > deadline:
            raise NodeError(
                "oauth2_failed",
                f"Another step has been fetching a token for '{opened.name}' for too long.",
                retryable=True,
                field=FIELD,
            )
        await asyncio.sleep(LOOK_EVERY * random.uniform(0.7, 1.3))
    try:
        return await _fetched(workspace_id, opened.id, fetcher, stale)
    except BaseException:
        # Also where it was cancelled: the next one should not wait for the claim to end.
        await asyncio.shield(in_database(lambda: _give_up(opened.id, fetcher)))
        raise


async def _fetched(
    workspace_id: UUID, credential: UUID, fetcher: UUID, stale: str
) -> tuple[str, set[str]]:
    known = await in_database(lambda: _kept(workspace_id, credential, stale))
    if known:  # it was brought between the look and the claim
        await in_database(lambda: _give_up(credential, fetcher))
        return known, {known}
    # Read after the claim: the refresh token may be another one since.
    now = await in_database(lambda: _opened(workspace_id, credential))
    given = await _ask(now, _own_form(now))
    await asyncio.shield(in_database(lambda: _keep(now, fetcher, given)))
    return given.token, {given.token, given.refresh, *now.secret.values()} - {""}


@dataclass(frozen=True)
class _Client:
    """The credential as it is now."""

    id: UUID
    workspace_id: UUID
    name: str
    settings: dict[str, Any]
    secret: dict[str, Any] = field(repr=False)


def _opened(workspace_id: UUID, credential: UUID) -> _Client:
    row = Credential.objects.filter(id=credential, workspace_id=workspace_id).first()
    if row is None:
        raise NodeError("credential_missing", "The credential was deleted just now.", field=FIELD)
    try:
        secret = unseal(row.workspace_id, row.secret)
    except SecretUnreadable as error:
        raise NodeError("credential_unreadable", error.message, field=FIELD) from error
    return _Client(row.id, row.workspace_id, row.name, row.settings, secret)


def _kept(workspace_id: UUID, credential: UUID, stale: str) -> str:
    """The access token that is kept, where it is still good; else empty."""
    row = AccessToken.objects.filter(
        credential_id=credential,
        credential__workspace_id=workspace_id,
        expires_at__gt=timezone.now(),
        secret__isnull=False,
    ).first()
    if row is None or row.secret is None:
        return ""
    try:
        token = str(unseal(workspace_id, row.secret)["access_token"])
    except SecretUnreadable:
        return ""  # sealed with a key that is gone: another one is fetched
    return "" if token == stale else token


# In one statement: of many who find no token, one gets the claim.
_CLAIM = """
INSERT INTO accounts_accesstoken AS held (credential_id, fetcher, claimed_until)
SELECT id, %(fetcher)s::uuid, clock_timestamp() + %(seconds)s::integer * interval '1 second'
FROM accounts_credential WHERE id = %(credential)s::uuid
ON CONFLICT (credential_id) DO UPDATE
  SET fetcher = excluded.fetcher, claimed_until = excluded.claimed_until
  WHERE held.claimed_until IS NULL OR held.claimed_until < clock_timestamp()
    OR held.fetcher = excluded.fetcher
RETURNING 1
"""


def _claim(credential: UUID, fetcher: UUID) -> bool:
    """Whether it is on this one to fetch. True also where the credential is gone, which is told."""
    values: dict[str, Any] = {
        "credential": credential,
        "fetcher": fetcher,
        "seconds": CLAIM_SECONDS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        if cursor.fetchone():
            return True
    return not Credential.objects.filter(id=credential).exists()


def _give_up(credential: UUID, fetcher: UUID) -> None:
    mine = AccessToken.objects.filter(credential_id=credential, fetcher=fetcher)
    mine.update(fetcher=None, claimed_until=None)


def _keep(client: _Client, fetcher: UUID, given: Given) -> None:
    """Store what was given; where the credential was changed meanwhile, nothing."""
    margin = min(MARGIN, given.seconds // 10)
    with transaction.atomic():
        row = Credential.objects.select_for_update().filter(id=client.id).first()
        if row is None:
            return
        kept = AccessToken.objects.filter(credential_id=client.id, fetcher=fetcher).update(
            secret=seal(client.workspace_id, {"access_token": given.token}),
            expires_at=timezone.now() + timedelta(seconds=given.seconds - margin),
            fetcher=None,
            claimed_until=None,
        )
        used = client.secret.get("refresh_token", "")
        if not given.refresh or given.refresh == used:
            return
        secret = unseal(row.workspace_id, row.secret)
        # Also where the claim is over by now: the server may take the old one no more.
        if kept or secret.get("refresh_token") == used:
            row.secret = seal(row.workspace_id, {**secret, "refresh_token": given.refresh})
            row.save(update_fields=["secret"])


async def exchange_code(
    workspace_id: UUID, credential: UUID, code: str, verifier: str, redirect_uri: str
) -> Given:
    """What the token server gives for a code that a person brought (RFC 6749, 4.1.3; RFC 7636).

    Nothing is kept here. Raises NodeError.
    """
    client = await in_database(lambda: _opened(workspace_id, credential))
    form = {"grant_type": CONNECTED, "code": code, "code_verifier": verifier}
    return await _ask(client, {**form, "redirect_uri": redirect_uri})


def _own_form(client: _Client) -> dict[str, str]:
    """What asks for a token without a person (RFC 6749, 4.4.2 and 6)."""
    said, refresh = client.settings, client.secret.get("refresh_token", "")
    if said["grant"] == "client_credentials":
        form = {"grant_type": "client_credentials"}
    elif refresh:
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
    else:
        raise NodeError(
            "oauth2_refused",
            f"Nobody is connected with '{client.name}', or what the provider gave has ended. Open "
            "the credential under Settings and press Connect.",
            field=FIELD,
        )
    for name in ("scope", "audience"):
        if said.get(name):
            form[name] = said[name]
    if said.get("url"):
        form["resource"] = said["url"]  # RFC 8707, as MCP servers want it
    return form


async def _ask(client: _Client, form: dict[str, str]) -> Given:
    """One request to the token server. It is not followed to where it redirects: the form holds
    what is secret.
    """
    said, secret = client.settings, client.secret
    headers = {
        "accept": "application/json",
        "content-type": "application/x-www-form-urlencoded",
    }
    password = secret.get("client_secret", "")
    if password and said.get("client_auth", "basic") == "basic":
        # Both are form-encoded first (2.3.1).
        pair = f"{quote(said['client_id'], safe='')}:{quote(password, safe='')}"
        headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    else:
        form["client_id"] = said["client_id"]
        if password:
            form["client_secret"] = password
    answer = await egress.fetch(
        "POST",
        said["token_url"],
        headers=headers,
        content=urlencode(form).encode(),
        timeout_seconds=FETCH_SECONDS,
        max_bytes=MAX_BYTES,
        secret=True,
        follow=False,
    )
    return _read(client, answer)


def _read(client: _Client, answer: HttpAnswer) -> Given:
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        body = None
    body = body if isinstance(body, dict) else {}
    if not 200 <= answer.status < 300 or "error" in body:
        raise _refused(client, answer.status, body)
    token, kind = body.get("access_token"), str(body.get("token_type") or "bearer")
    token = token if isinstance(token, str) and len(token) <= MAX_TOKEN else ""
    if not (token and token.isascii() and token.isprintable()) or kind.lower() != "bearer":
        raise NodeError(
            "oauth2_failed",
            f"The token server of '{client.name}' gave no bearer token. Check its token address.",
            field=FIELD,
        )
    refresh = body.get("refresh_token")
    refresh = refresh if isinstance(refresh, str) and len(refresh) <= MAX_TOKEN else ""
    return Given(token, _life(body.get("expires_in")), refresh, _account(body.get("id_token")))


def _account(id_token: Any) -> str:
    """As whom an ID token names the person, for people to read; empty where it does not.

    Its signature is not looked at: it came from the token server itself (OpenID Connect, 3.1.3.7).
    """
    try:
        middle = str(id_token).split(".")[1]
        claims = json.loads(urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        names = (claims.get(name) for name in ("email", "preferred_username", "name", "sub"))
        return next(storable_text(name) for name in names if isinstance(name, str) and name)
    except (IndexError, ValueError, RecursionError, AttributeError, StopIteration):
        return ""


def _life(seconds: Any) -> int:
    try:
        return max(0, min(int(float(seconds)), LONGEST_LIFE))
    except (TypeError, ValueError, OverflowError):
        return DEFAULT_LIFE


def _refused(client: _Client, status: int, body: dict[str, Any]) -> NodeError:
    """What the server said, without what it may repeat of our secrets."""
    words = " ".join(str(body.get(name) or "") for name in ("error", "error_description")).strip()
    said = mask(" ".join(words.split())[:2_000], client.secret.values())[:300]
    passing = status in (408, 425, 429) or status >= 500
    advice = (
        "It is tried again."
        if passing
        else _ANEW[client.settings["grant"]]
        if body.get("error") == "invalid_grant" and client.settings["grant"] in _ANEW
        else "Check the client's id and secret, its scopes and the token address."
    )
    return NodeError(
        "oauth2_failed" if passing else "oauth2_refused",
        f"The token server of '{client.name}' answered {status}{f': {said}' if said else ''}. "
        f"{advice}",
        retryable=passing,
        refused=status in (429, 503),
        field=FIELD,
        details={"status": status},
    )
