"""Hands mails to the mail servers that the workspace's credentials open, over SMTP.

The connection goes to the vetted address, and TLS checks the server's name. Until the mail itself
is sent, whatever fails did nothing and may be tried again; once its sending began, a connection
that breaks leaves open whether it was taken, and is never tried again.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings

from accounts.operators.system_settings import flow_mail
from execution.database import in_database
from execution.doors.mail_errors import (
    login_refused,
    no_encryption,
    not_set_up,
    refused,
    timed_out,
    unconfirmed,
)
from execution.doors.mail_message import MAX_BYTES, message_of
from execution.egress_addresses import literal
from execution.egress_sockets import (
    FIELD,
    certificate_refused,
    open_socket,
    tls_context,
    unreachable,
)
from flows.engine.doors.credentials import Credentials
from flows.engine.doors.mail import Mail, Sent
from flows.engine.errors import NodeError
from flows.engine.heavy import compute
from flows.engine.mail_addresses import MailAddress, read_address

if TYPE_CHECKING:
    from aiosmtplib import SMTP

TYPES = ("smtp",)
GOODBYE_SECONDS = 2.0
_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


@dataclass(frozen=True)
class _Server:
    """Where mail is handed in. `security` is starttls, tls or none."""

    host: str
    port: int
    security: str
    sender: MailAddress
    username: str = ""
    password: str = field(default="", repr=False)
    authority: str = ""
    also_allowed: tuple[str, ...] = ()


class RunMail:
    """The `Mailer` of one attempt."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def send(self, mail: Mail, *, credential: str = "", seconds: float = 30) -> Sent:
        async with self._server(credential) as server:
            size = len(mail.body) + sum(len(part.content) for part in mail.attachments)
            message = await compute(size, message_of, mail, server.sender)
            content = await compute(size, bytes, message)
            if len(content) > MAX_BYTES:
                raise NodeError(
                    "too_large",
                    f"The mail has {len(content):,} bytes as it is sent, and {MAX_BYTES:,} are "
                    "allowed. Attach less.",
                    field="attachments",
                )
            conversation = _Conversation(server, seconds)
            return await conversation.hand_in(mail, str(message["Message-ID"]), content)

    async def greet(self, credential: str, *, seconds: float = 15) -> None:
        """Connect and sign in as for a mail, and send none. Raises NodeError as `send` does."""
        async with self._server(credential) as server:
            await _Conversation(server, seconds).greet()

    @asynccontextmanager
    async def _server(self, credential: str) -> AsyncGenerator[_Server]:
        if not credential:
            yield _own_server(await in_database(flow_mail))
            return
        async with self._credentials.open(credential, TYPES) as opened:
            given = opened.settings
            yield _Server(
                given["host"],
                int(given["port"]),
                given["security"],
                _sender(given["sender"], FIELD),
                given.get("username", ""),
                opened.secret.get("password", ""),
                given.get("ca", ""),
            )


def _own_server(allowed: bool) -> _Server:
    """The installation's, for flows that name none; only where the operator said so."""
    mailer = settings.MAILERS["default"]
    if not allowed or mailer["BACKEND"] != _BACKEND:
        raise not_set_up()
    options = mailer.get("OPTIONS", {})
    host, port = options.get("host") or "localhost", int(options.get("port") or 25)
    tls = "starttls" if options.get("use_tls") else "none"
    return _Server(
        host,
        port,
        "tls" if options.get("use_ssl") else tls,
        _sender(settings.DEFAULT_FROM_EMAIL, ""),
        options.get("username") or "",
        options.get("password") or "",
        also_allowed=(f"[{host}]:{port}" if ":" in host else f"{host}:{port}",),
    )


def _sender(text: str, field: str) -> MailAddress:
    try:
        return read_address(text)
    except ValueError as error:
        whose = "the credential" if field else "FLUX_EMAIL_FROM of this installation"
        message = f"The sender in {whose} cannot be used: {error}."
        raise NodeError("mail_not_set_up", message, field=field or None) from error


def _own_name() -> str:
    """What we call ourselves (RFC 5321, 4.1.3): a name, or an address in brackets."""
    host = urlsplit(settings.FLUX_PUBLIC_URL).hostname or "localhost"
    if literal(host) is None:
        return host
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"


class _Conversation:
    """One mail to one server."""

    def __init__(self, server: _Server, seconds: float) -> None:
        self._server = server
        self._seconds = seconds
        #: Whether the mail itself is on its way, and whether it was taken.
        self._sending = False
        self._sent: Sent | None = None

    async def hand_in(self, mail: Mail, message_id: str, content: bytes) -> Sent:
        from aiosmtplib import SMTPException

        try:
            async with asyncio.timeout(self._seconds):
                async with self._connected() as smtp:
                    return await self._exchange(smtp, mail, message_id, content)
        except (SMTPException, OSError) as error:
            if self._sent is not None:
                return self._sent
            raise self._failure(error) from error

    async def greet(self) -> None:
        from aiosmtplib import SMTPException

        try:
            async with asyncio.timeout(self._seconds), self._connected() as smtp:
                await smtp.noop()
                with suppress(SMTPException, OSError):
                    await smtp.quit(timeout=GOODBYE_SECONDS)
        except (SMTPException, OSError) as error:
            raise self._failure(error) from error

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator["SMTP"]:
        from aiosmtplib import SMTP

        server = self._server
        sock = await open_socket(server.host, server.port, also_allowed=server.also_allowed)
        smtp = SMTP(
            hostname=server.host,
            sock=sock,
            local_hostname=_own_name(),
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=tls_context(server.authority),
            timeout=self._seconds,
        )
        try:
            await smtp.connect()
            if server.username:
                await smtp.login(server.username, server.password)
            yield smtp
        finally:
            # Its transport closes the socket, a little later; until then the number is taken.
            smtp.close()

    async def _exchange(self, smtp: "SMTP", mail: Mail, message_id: str, content: bytes) -> Sent:
        from aiosmtplib import SMTPException, SMTPRecipientRefused, SMTPRecipientsRefused

        await smtp.mail(self._server.sender.address)
        refusals: list[SMTPRecipientRefused] = []
        recipients = {each.address: None for each in (*mail.to, *mail.cc, *mail.bcc)}
        for address in recipients:
            try:
                await smtp.rcpt(address)
            except SMTPRecipientRefused as error:
                refusals.append(error)
        if len(refusals) == len(recipients):
            raise SMTPRecipientsRefused(refusals)
        self._sending = True
        await smtp.data(content)
        reasons = {error.recipient: _words(error) for error in refusals}
        self._sent = Sent(message_id, reasons)
        # It has the mail; how it says goodbye changes nothing.
        with suppress(SMTPException, OSError):
            await smtp.quit(timeout=GOODBYE_SECONDS)
        return self._sent

    def _failure(self, error: Exception) -> NodeError:
        from aiosmtplib import (
            SMTPAuthenticationError,
            SMTPRecipientsRefused,
            SMTPResponseException,
        )

        host, port = self._server.host, self._server.port
        cause = _certificate_error(error)
        if cause is not None:
            return certificate_refused(host, cause.verify_message)
        if isinstance(error, SMTPAuthenticationError):
            return login_refused(host, error.code, _words(error))
        if isinstance(error, SMTPRecipientsRefused):
            codes = [each.code for each in error.recipients]
            said = "; ".join(f"{each.recipient}: {_words(each)}" for each in error.recipients[:5])
            return refused(host, said, max(codes))
        if isinstance(error, SMTPResponseException) and error.code >= 400:
            # A plain no, also to the whole mail, says that the mail is still ours.
            return refused(host, _words(error), error.code)
        if self._sending:
            return unconfirmed(host)
        if isinstance(error, TimeoutError):
            return timed_out(host, self._seconds)
        said = " ".join(str(error).split()) or type(error).__name__
        if "STARTTLS" in said or "AUTH" in said or "authentication method" in said:
            return no_encryption(host, said)
        return unreachable(host, port, said.rstrip("."))


def _words(error: Exception) -> str:
    code, message = getattr(error, "code", ""), getattr(error, "message", str(error))
    return " ".join(f"{code} {message}".split())[:300]


def _certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None
