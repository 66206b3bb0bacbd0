"""Makes the message that a mail server is handed."""

import html
import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import nh3
from django.utils import timezone
from markdown_it import MarkdownIt

from flows.engine.doors.mail import Mail
from flows.engine.mail_addresses import MailAddress, as_header

#: Bytes of a message as it is sent: what large providers take.
MAX_BYTES = 25_000_000
_ENDS_A_LINE = re.compile(r"(?i)<(?:br|/p|/div|/li|/tr|/h[1-6]|/blockquote)\b[^>]{0,200}>")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}")


def message_of(mail: Mail, sender: MailAddress) -> EmailMessage:
    """The message, in lines of ASCII. Its Message-ID follows from the mail's key."""
    message = EmailMessage(policy=SMTP)
    message["From"] = as_header(sender)
    for name, people in (("To", mail.to), ("Cc", mail.cc), ("Reply-To", mail.reply_to)):
        if people:
            message[name] = [as_header(person) for person in people]
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(timezone.now())
    message["Message-ID"] = f"<{mail.key}@{sender.domain}>"
    # So that nobody's absence is answered to a machine (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    _set_body(message, mail)
    for part in mail.attachments:
        main, _, sub = _media_type(part.media_type).partition("/")
        message.add_attachment(part.content, maintype=main, subtype=sub, filename=part.name)
    return message


def _set_body(message: EmailMessage, mail: Mail) -> None:
    # Quoted-printable keeps to ASCII and short lines, whatever the server can do.
    if mail.body_type == "text":
        message.set_content(mail.body, cte="quoted-printable")
        return
    is_markdown = mail.body_type == "markdown"
    page = _rendered(mail.body) if is_markdown else mail.body
    message.set_content(mail.body if is_markdown else plain(page), cte="quoted-printable")
    message.add_alternative(page, subtype="html", cte="quoted-printable")


def _rendered(text: str) -> str:
    """Markdown as HTML; raw HTML in it stays text, and what could run does not get through."""
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    page: str = parser.enable(["table", "strikethrough"]).render(text)
    return nh3.clean(page, url_schemes={"http", "https", "mailto"})


def plain(page: str) -> str:
    """The text of an HTML page, for programs that show none."""
    lines = _ENDS_A_LINE.sub(lambda found: f"\n{found[0]}", page)
    text = nh3.clean(lines, tags=set(), clean_content_tags={"script", "style", "title"})
    kept = (" ".join(line.split()) for line in html.unescape(text).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() + "\n"


def _media_type(given: str) -> str:
    """What is given where it is a simple one: an attached message could hide others."""
    wanted = given.strip().lower()
    if not _MEDIA_TYPE.fullmatch(wanted) or wanted.startswith(("message/", "multipart/")):
        return "application/octet-stream"
    return wanted
