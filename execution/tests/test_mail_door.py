"""The door to mail servers, against a real SMTP server over real sockets."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from pytest_django import Settings

from execution.doors.mail import RunMail
from execution.doors.mail_message import message_of, plain
from execution.tests.certificates_for_tests import self_signed
from flows.engine.doors.credentials import OpenedCredential
from flows.engine.doors.mail import Attachment, Mail, Sent
from flows.engine.errors import NodeError
from flows.engine.mail_addresses import MailAddress
from flows.engine.tests.support import FakeCredentials

PASSWORD = "pw-canary-1"
ADA, BOB = MailAddress("ada@example.com", "Ada Ä"), MailAddress("bob@example.com")
SENDER = "Shop <shop@example.com>"


def mail(**more: Any) -> Mail:
    return Mail(**{"to": (ADA,), "subject": "Hi", "body": "x", "key": "run-node", **more})


class Server:
    """An SMTP server; `answers` may refuse a command, or an address, with another reply."""

    def __init__(self, **options: Any) -> None:
        self.answers: dict[str, str] = {}
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.hangs_up = False
        self.password = PASSWORD
        self._encrypted = options.pop("ssl_context", None)
        self._options = {"authenticator": self._may, "hostname": "mail.test", **options}

    async def __aenter__(self) -> "Server":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, loop=loop, **self._options), "127.0.0.1", 0, ssl=self._encrypted
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def _may(self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> Any:
        self.logins.append((given.login, given.password))
        return AuthResult(success=given.password == self.password.encode(), handled=False)

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, *given: Any) -> str:
        envelope.mail_from = given[0]
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, *given: Any) -> str:
        reply = self.answers.get(given[0], "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(given[0])
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.hangs_up:
            server.transport.abort()
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append((envelope.rcpt_tos, parsed))
        return self.answers.get("DATA", "250 kept")

    async def send(self, sent: Mail, **more: Any) -> Sent:
        secret = {"password": PASSWORD} if "username" in more else {}
        settings = {"host": "127.0.0.1", "port": str(self.port), "security": "none"}
        settings |= {"sender": SENDER, **more}
        opened = OpenedCredential("Mail", "smtp", settings, secret)
        return await RunMail(FakeCredentials({"Mail": opened})).send(sent, credential="Mail")

    async def failure(self, sent: Mail, **more: Any) -> NodeError:
        with pytest.raises(NodeError) as failed:
            await self.send(sent, **more)
        return failed.value


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Server]:
    settings.FLUX_ALLOW_HOSTS = ["127.0.0.1"]
    async with Server() as listening:
        yield listening


async def test_a_mail_arrives_whole(server: Server) -> None:
    sent = mail(
        to=(ADA, BOB),
        bcc=(MailAddress("eve@example.com"),),
        reply_to=(BOB,),
        subject="Grüße {{ 1+1 }}",
        body="Zeile 1\n.\nÄ " + "x" * 2_000,
        attachments=(
            Attachment("Über.csv", b"a;b\n\xff", "text/csv"),
            Attachment("x.eml", b"To: x@y.z\n\nhidden", "message/rfc822"),
        ),
    )
    answer = await server.send(sent)
    assert answer == Sent("<run-node@example.com>", {})
    recipients, arrived = server.mails[0]
    assert recipients == ["ada@example.com", "bob@example.com", "eve@example.com"]
    assert arrived["From"] == SENDER
    assert arrived["To"] == "Ada Ä <ada@example.com>, bob@example.com"
    assert (arrived["Reply-To"], arrived["Bcc"]) == ("bob@example.com", None)
    assert arrived["Subject"] == "Grüße {{ 1+1 }}"
    assert arrived["Message-ID"] == answer.message_id
    assert arrived["Auto-Submitted"] == "auto-generated"
    body, table, letter = arrived.iter_parts()
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == sent.body
    assert (table.get_filename(), table.get_payload(decode=True)) == ("Über.csv", b"a;b\n\xff")
    assert letter.get_content_type() == "application/octet-stream"


async def test_markdown_is_sent_as_html_without_what_could_run(server: Server) -> None:
    body = "# Hi\n\n**you** <script>alert(1)</script> [x](javascript:alert(1))"
    await server.send(mail(body=body, body_type="markdown"))
    text, page = server.mails[0][1].iter_parts()
    assert text.get_content().startswith("# Hi")
    html = page.get_content()
    assert "<strong>you</strong>" in html
    assert "<script" not in html
    assert 'href="javascript' not in html


def test_html_goes_along_as_text_for_programs_that_show_none() -> None:
    page = "<style>p {}</style><h1>Hi</h1><p>a &amp; <b>b</b><br>c</p><script>x()</script>"
    assert plain(page) == "Hi\na & b\nc\n"
    made = message_of(mail(body=page, body_type="html"), BOB)
    assert [part.get_content_type() for part in made.iter_parts()] == ["text/plain", "text/html"]


async def test_whom_the_server_refuses_is_told_and_the_others_get_it(server: Server) -> None:
    server.answers["bob@example.com"] = "550 no such user"
    answer = await server.send(mail(to=(ADA, BOB)))
    assert answer.refused == {"bob@example.com": "550 no such user"}
    assert server.mails[0][0] == ["ada@example.com"]


@pytest.mark.parametrize(
    ("command", "reply", "may_pass"),
    [
        ("MAIL", "550 not you", False),
        ("MAIL", "451 later", True),
        ("ada@example.com", "550 no such user", False),
        ("ada@example.com", "450 greylisted", True),
        ("DATA", "554 spam", False),
        ("DATA", "452 full", True),
    ],
)
async def test_what_the_server_refuses_is_tried_again_only_where_it_says_later(
    server: Server, command: str, reply: str, may_pass: bool
) -> None:
    server.answers[command] = reply
    error = await server.failure(mail())
    assert error.code == "mail_refused"
    assert reply in error.message
    assert (error.retryable, error.refused) == (may_pass, may_pass)


async def test_a_mail_whose_arrival_nobody_knows_is_not_sent_again(server: Server) -> None:
    server.hangs_up = True
    error = await server.failure(mail())
    assert (error.code, error.retryable, error.refused) == ("mail_unconfirmed", False, False)


async def test_nobody_there_may_be_tried_again(server: Server) -> None:
    async with Server() as gone:
        pass
    error = await gone.failure(mail())
    assert (error.code, error.retryable, error.refused) == ("connection_failed", True, True)


async def test_s12_the_password_is_sent_only_where_the_line_is_encrypted(
    server: Server, tmp_path: Path
) -> None:
    login = {"username": "shop", "security": "starttls"}
    error = await server.failure(mail(), **login)
    assert (error.code, error.retryable) == ("login_refused", False)
    assert "STARTTLS" in error.message
    authority = self_signed(tmp_path / "good.pem", "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "good.pem")
    async with Server(tls_context=context, require_starttls=True) as encrypted:
        await encrypted.send(mail(), **login, ca=authority)
        assert encrypted.logins == [(b"shop", PASSWORD.encode())]
        error = await encrypted.failure(mail(), **login)
        assert "certificate" in error.message
        assert len(encrypted.logins) == 1
    async with Server(ssl_context=context, auth_require_tls=False) as encrypted:
        tls = {"username": "shop", "security": "tls", "ca": authority}
        assert (await encrypted.send(mail(), **tls)).refused == {}
    assert server.logins == []


async def test_a_login_that_is_refused_says_so_without_the_password(
    server: Server, tmp_path: Path
) -> None:
    self_signed(tmp_path / "good.pem", "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "good.pem")
    login = {"username": "shop", "security": "tls", "ca": (tmp_path / "good.pem").read_text()}
    async with Server(ssl_context=context, auth_require_tls=False) as encrypted:
        encrypted.password = "another"
        error = await encrypted.failure(mail(), **login)
    assert (error.code, error.field, error.retryable) == ("login_refused", "credential", False)
    assert "canary" not in error.message
    assert len(encrypted.logins) >= 1


async def test_s8_mail_servers_near_by_are_not_called_unless_allowed(
    server: Server, settings: Settings
) -> None:
    settings.FLUX_ALLOW_HOSTS = []
    for host in ("127.0.0.1", "localhost", "::1", "169.254.169.254"):
        error = await server.failure(mail(), host=host)
        assert (error.code, error.field) == ("address_refused", "credential")
    assert server.mails == []


async def test_flows_send_by_the_installations_server_only_where_it_is_allowed(
    server: Server, settings: Settings
) -> None:
    settings.FLUX_ALLOW_HOSTS = []
    backend = "django.core.mail.backends.smtp.EmailBackend"
    options = {"host": "127.0.0.1", "port": server.port}
    settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": options}}
    settings.DEFAULT_FROM_EMAIL = "Flux <flux@example.com>"
    post = RunMail(FakeCredentials())
    with pytest.raises(NodeError) as refused:
        await post.send(mail())
    assert (refused.value.code, refused.value.field) == ("mail_not_set_up", "credential")
    settings.FLUX_FLOW_MAIL = True
    assert (await post.send(mail())).message_id == "<run-node@example.com>"
    assert server.mails[0][1]["From"] == "Flux <flux@example.com>"
