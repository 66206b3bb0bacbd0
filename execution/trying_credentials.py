"""Tries a credential with one harmless call, by the doors that nodes use: the same guards hold.

It asks for a list (models, tools), for a page of the person's choice, for `SELECT 1`, or greets a
mail server. The verdict says what came of it and how long it took, never what is secret.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction

from accounts.errors import InvalidValue
from accounts.models import Credential, CredentialType
from accounts.permissions import Actor
from accounts.services import audit
from execution import egress
from execution.database import DatabaseAway
from execution.doors.credentials import RunCredentials
from execution.doors.mail import RunMail
from execution.doors.mcp import RunMcp
from execution.doors.sql import RunSql
from flows.engine.doors.credentials import OpenedCredential
from flows.engine.doors.mcp import McpServer
from flows.engine.doors.sql import SqlQuery
from flows.engine.errors import NodeError
from flows.engine.web_call import header_of, web_address

#: Seconds that all of it may take: a person waits for it.
SECONDS = 15.0
MAX_BYTES = 2_000_000
ANTHROPIC = "https://api.anthropic.com/v1"
OPENAI = "https://api.openai.com/v1"
#: Types that say nothing of where they are sent: the person gives an address.
WITH_ADDRESS = (CredentialType.BEARER, CredentialType.BASIC, CredentialType.HEADER)


@dataclass(frozen=True)
class Verdict:
    """What came of a try: a sentence, and milliseconds."""

    ok: bool
    message: str
    milliseconds: int


def try_credential(actor: Actor, credential: Credential, *, url: str = "") -> Verdict:
    """One harmless call with a stored credential; `url` is for WITH_ADDRESS, and optional else.

    From a page: it runs here, not in a worker. Raises InvalidValue, PermissionRefused.
    """
    actor.require("credential.manage")
    address = _address(url)
    if credential.type in WITH_ADDRESS and not address:
        raise InvalidValue("url", "Give an address to try it at.")
    tried: Callable[..., Verdict] = async_to_sync(_tried)
    verdict = tried(credential.workspace_id, credential.id, credential.type, address)
    with transaction.atomic():
        audit(actor, "credential.try", credential, name=credential.name, ok=verdict.ok)
    return verdict


def _address(url: str) -> str:
    try:
        return web_address(url) if url.strip() else ""
    except ValueError as error:
        raise InvalidValue("url", f"The address cannot be used: {error}.") from None


async def _tried(workspace: UUID, credential: UUID, kind: str, url: str) -> Verdict:
    doors = _Doors(RunCredentials(workspace), str(credential), kind, url)
    began = time.monotonic()
    try:
        async with asyncio.timeout(SECONDS):
            message, ok = await doors.ways[kind](), True
    except NodeError as error:
        message, ok = error.message, False
    except TimeoutError:
        message, ok = f"There was no answer within {SECONDS:g} seconds.", False
    except DatabaseAway:
        message, ok = "Our own database cannot be reached at the moment. Try again.", False
    took = round((time.monotonic() - began) * 1000)
    return Verdict(ok, doors.credentials.masked(message)[:1_000], took)


class _Doors:
    """The way to try each type; each says what was found, or raises NodeError."""

    def __init__(self, credentials: RunCredentials, reference: str, kind: str, url: str) -> None:
        self.credentials = credentials
        self._reference = reference
        self._kind = kind
        self._url = url
        self.ways: Mapping[str, Callable[[], Awaitable[str]]] = {
            CredentialType.ANTHROPIC: self._models,
            CredentialType.OPENAI: self._models,
            CredentialType.OPENAI_COMPATIBLE: self._models,
            CredentialType.BEARER: self._page,
            CredentialType.BASIC: self._page,
            CredentialType.HEADER: self._page,
            CredentialType.POSTGRESQL: self._database,
            CredentialType.MYSQL: self._database,
            CredentialType.SMTP: self._mail,
            CredentialType.MCP: self._tools,
            CredentialType.OAUTH2: self._token,
        }

    async def _models(self) -> str:
        """The list of models: every provider has one, and it costs nothing."""
        async with self.credentials.open(self._reference, (self._kind,)) as opened:
            key = opened.secret.get("api_key", "")
            base = opened.settings.get("base_url", "").rstrip("/")
            if self._kind == CredentialType.ANTHROPIC:
                url = f"{base or ANTHROPIC}/models?limit=1"
                headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
            else:
                url = f"{base or OPENAI}/models"
                headers = {"authorization": f"Bearer {key}"} if key else {}
            status = await _status("GET", url, headers, secret=bool(key))
        if status in (404, 405) and self._kind == CredentialType.OPENAI_COMPATIBLE:
            return "The server answers. It has no list of models, so its key was not looked at."
        return _judged(status, "The key works: the provider listed its models.")

    async def _page(self) -> str:
        async with self.credentials.open(self._reference, (self._kind,)) as opened:
            status = await self._asked(opened)
        return _judged(status, f"The address took it: it answered {status}.")

    async def _asked(self, opened: OpenedCredential) -> int:
        return await _status("GET", self._url, dict([header_of(opened)]), secret=True)

    async def _token(self) -> str:
        """A token that is fetched now, not the one that is kept; then the address, where given."""
        async with self.credentials.open(self._reference, (self._kind,)) as opened:
            assert opened.renew is not None
            fresh = await opened.renew()
            if not self._url:
                return "The token server gave an access token."
            status = await self._asked(fresh)
        return _judged(status, f"The token server gave a token, and the address answered {status}.")

    async def _database(self) -> str:
        query = SqlQuery("SELECT 1 AS one", seconds=SECONDS)
        await RunSql(self.credentials).run(self._reference, query)
        return "The database took the sign-in and answered."

    async def _mail(self) -> str:
        await RunMail(self.credentials).greet(self._reference, seconds=SECONDS)
        return "The mail server took the sign-in. No mail was sent."

    async def _tools(self) -> str:
        found = await RunMcp(self.credentials).tools(McpServer(credential=self._reference))
        tools = "1 tool" if len(found) == 1 else f"{len(found):,} tools"
        return f"The server speaks MCP and offers {tools}."


async def _status(method: str, url: str, headers: Mapping[str, str], *, secret: bool) -> int:
    answer = await egress.fetch(
        method,
        url,
        headers=headers,
        timeout_seconds=SECONDS,
        max_bytes=MAX_BYTES,
        secret=secret,
    )
    return answer.status


def _judged(status: int, good: str) -> str:
    """The good sentence, or NodeError: what a status says of a key."""
    if status < 400:
        return good
    if status in (401, 403):
        raise NodeError("credential_refused", f"It was refused: the answer was {status}.")
    if status == 429:
        raise NodeError("credential_busy", "The limit of calls is used up now (429). Try later.")
    raise NodeError("http_status", f"The answer was {status}, which says nothing good. Check it.")
