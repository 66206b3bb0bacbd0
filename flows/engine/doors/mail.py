"""The door to mail servers."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from flows.engine.mail_addresses import MailAddress

BodyType = Literal["text", "markdown", "html"]


@dataclass(frozen=True)
class Attachment:
    """A file that goes along. `media_type` as in `text/plain`."""

    name: str
    content: bytes = field(repr=False)
    media_type: str = "application/octet-stream"


@dataclass(frozen=True)
class Mail:
    """A mail to be sent; `subject` is one line.

    Markdown and HTML go along as HTML and as plain text. `key` is the same for every attempt to
    send this mail: it makes the Message-ID.
    """

    to: tuple[MailAddress, ...]
    subject: str
    body: str
    key: str
    body_type: BodyType = "text"
    cc: tuple[MailAddress, ...] = ()
    bcc: tuple[MailAddress, ...] = ()
    reply_to: tuple[MailAddress, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Sent:
    """A mail that the server took. `refused` are recipients that it did not take, and why."""

    message_id: str
    refused: dict[str, str]


class Mailer(Protocol):
    """Hands mails to the mail servers that the workspace's credentials open."""

    async def send(self, mail: Mail, *, credential: str = "", seconds: float = 30) -> Sent:
        """Without a credential, by the installation's own server where the operator allows it.

        Raises NodeError: mail_refused, mail_unconfirmed, mail_not_set_up, login_refused,
        too_large, connection_failed, address_refused, timeout and those of `Credentials`.
        """
