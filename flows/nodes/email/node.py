"""One mail to one or more people."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from flows.engine.config import NodeConfig, Text
from flows.engine.doors.mail import Mail
from flows.engine.errors import NodeError
from flows.engine.mail_addresses import MailAddress, read_address
from flows.engine.node_type import Context, NodeType, Result, RetryDefaults
from flows.engine.seconds import seconds_from
from flows.nodes.email.attachments import MAX_ATTACHMENTS, AttachmentConfig, attachment_of

MAX_SECONDS = 300
#: People that one mail goes to, copies included: more is a mailing, which needs another service.
MAX_RECIPIENTS = 100
MAX_SUBJECT = 500
MAX_BODY = 2_000_000
#: What stands between addresses in one text; a quoted name may hold commas.
_ONE = re.compile(r'(?:[^,;"\n]|"[^"]*")+')


def _as_list(value: Any) -> Any:
    """One text may hold several addresses; null and empty text are none."""
    if value is None:
        return []
    if isinstance(value, str):
        return [part for part in _ONE.findall(value) if part.strip()]
    return value


Addresses = Annotated[list[Text], BeforeValidator(_as_list)]


class Config(NodeConfig):
    credential: Text = Field(
        default="",
        title="Mail server",
        description="A credential of the type Mail server, which says who the mail is from.",
        max_length=200,
        json_schema_extra={"widget": "credential", "types": ["smtp"]},
    )
    to: Addresses = Field(
        title="To",
        description="Addresses: ada@example.com or Ada <ada@example.com>.",
        min_length=1,
        max_length=MAX_RECIPIENTS,
    )
    cc: Addresses = Field(
        default=[],
        title="Copy",
        description="Addresses that get a copy, seen by all.",
        max_length=MAX_RECIPIENTS,
    )
    bcc: Addresses = Field(
        default=[],
        title="Blind copy",
        description="Addresses that get a copy, seen by nobody.",
        max_length=MAX_RECIPIENTS,
    )
    reply_to: Addresses = Field(
        default=[],
        title="Reply to",
        description="Where answers go, if not to the sender.",
        max_length=10,
    )
    subject: Text = Field(
        title="Subject", description="One line.", min_length=1, max_length=MAX_SUBJECT
    )
    body: Text = Field(
        default="",
        title="Text",
        description="What the mail says.",
        max_length=MAX_BODY,
        json_schema_extra={"widget": "text"},
    )
    body_type: Literal["text", "markdown", "html"] = Field(
        default="text",
        title="Kind of text",
        description="Markdown and HTML are sent as HTML and as plain text.",
    )
    attachments: list[AttachmentConfig] = Field(
        default=[],
        title="Attachments",
        description="Files that go along.",
        max_length=MAX_ATTACHMENTS,
    )
    timeout_seconds: float = Field(
        default=30,
        title="Timeout",
        description="Seconds for the server to take the mail.",
        gt=0,
        le=MAX_SECONDS,
    )

    @field_validator("subject")
    @classmethod
    def _one_line(cls, subject: str) -> str:
        subject = subject.strip()
        if re.search(r"[\r\n\v\f\x85\u2028\u2029\0]", subject):
            raise ValueError("a subject is one line; remove the line breaks")
        return subject


async def run(config: Config, ctx: Context) -> Result:
    """Send it. Raises NodeError address_invalid, attachment_invalid; as the doors do."""
    to, cc, bcc = (_addresses(config, name) for name in ("to", "cc", "bcc"))
    if len(to) + len(cc) + len(bcc) > MAX_RECIPIENTS:
        message = f"One mail goes to {MAX_RECIPIENTS} people at most; send several."
        raise NodeError("address_invalid", message, field="to")
    attachments = [
        await attachment_of(given, place, ctx) for place, given in enumerate(config.attachments)
    ]
    mail = Mail(
        to,
        config.subject,
        config.body,
        ctx.idempotency_key,
        body_type=config.body_type,
        cc=cc,
        bcc=bcc,
        reply_to=_addresses(config, "reply_to"),
        attachments=tuple(attachments),
    )
    sent = await ctx.mail.send(
        mail, credential=config.credential.strip(), seconds=config.timeout_seconds
    )
    refused = [{"address": address, "reason": why} for address, why in sent.refused.items()]
    return Result({"message_id": sent.message_id, "refused": refused})


def _addresses(config: Config, name: str) -> tuple[MailAddress, ...]:
    read: list[MailAddress] = []
    for place, text in enumerate(getattr(config, name)):
        try:
            read.append(read_address(text))
        except ValueError as error:
            message = f"The mail was not sent: {error}."
            raise NodeError("address_invalid", message, field=f"{name}[{place}]") from error
    return tuple(read)


NODE = NodeType(
    type="email",
    title="E-mail",
    summary="Sends a mail.",
    category="tool",
    icon="mail",
    config=Config,
    io=run,
    outputs={"message_id": "text", "refused": "list"},
    idempotent=False,
    timeout_seconds=60,
    seconds_of=seconds_from("timeout_seconds", MAX_SECONDS),
    retry=RetryDefaults(max_attempts=5, initial_seconds=5, backoff=3, max_seconds=120),
)
