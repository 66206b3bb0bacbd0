"""Writes to the assignees of an approval, each with a signed link of their own, each once."""

import asyncio
import logging
import smtplib
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage, mailers
from django.db import connection
from django.template.loader import render_to_string
from django.utils import timezone

from execution.approval_links import link_address
from execution.approval_models import Approval, ApprovalState
from execution.approval_people import member_by_address
from execution.database import AWAY

logger = logging.getLogger(__name__)
#: Characters of a message that a mail quotes; the page behind the link has all of it.
QUOTED = 5_000
SUBJECT_LENGTH = 150
#: The first half of the name of the lock held while mail of an approval is sent ("MAIL").
_KIND = 0x4D41494C
#: A mail server may be slow, and the database's threads are for the database.
_executor = ThreadPoolExecutor(1, thread_name_prefix="mail")


def mail_is_set_up() -> bool:
    """Whether mail reaches people at all."""
    return bool(settings.FLUX_MAIL_REACHES_PEOPLE)


async def mail_assignees(run_id: str, node: str, path: Sequence[str | int]) -> int:
    """`send_approval_mails` on a thread of its own; what is left a worker sends later."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_executor, _tidily, run_id, node, path)


def _tidily(run_id: str, node: str, path: Sequence[str | int]) -> int:
    try:
        return send_approval_mails(run_id, node, path)
    except AWAY as error:
        logger.warning("Mail of run %s waits for the database: %s", run_id, error)
        return 0
    finally:
        connection.close()


def send_approval_mails(run_id: str, node: str, path: Sequence[str | int]) -> int:
    """Write to each assignee that was not written to yet; how many were sent now.

    Called after the approval was committed. Several processes may do so: one sends. What a mail
    server refuses for good is logged and left out; where it is away, a later call goes on. Nobody
    is written to twice, but for one whose mail was on its way when this process died.
    """
    rows = Approval.objects.filter(run_id=run_id, node=node, path=list(path))
    open_rows = rows.filter(state=ApprovalState.OPEN, notified_at=None).exclude(assignees=[])
    approval = open_rows.first()
    if approval is None or not mail_is_set_up():
        return 0
    with _only_one(approval.id) as ours:
        # Read again: somebody may have sent all of it meanwhile.
        approval = open_rows.select_related("run__flow").first() if ours else None
        if approval is None:
            return 0
        return _send(approval, [a for a in approval.assignees if a not in approval.mailed])


@contextmanager
def _only_one(approval_id: UUID) -> Iterator[bool]:
    """A lock that is not the row's: whoever decides meanwhile does not wait for a mail server."""
    name = [_KIND, zlib.crc32(approval_id.bytes) - 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", name)
        held = bool(cursor.fetchone()[0])
        try:
            yield held
        finally:
            if held:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", name)


def _send(approval: Approval, addresses: Sequence[str]) -> int:
    sent = 0
    rows = Approval.objects.filter(id=approval.id)
    mailer = mailers.default
    try:
        # One connection for all of them.
        mailer.open()
        for address in addresses:
            sent += _sent_to(approval, address, mailer)
            approval.mailed.append(address)
            rows.update(mailed=approval.mailed)
    except OSError as error:  # smtplib's errors among them
        logger.warning("Mail of approval %s waits: %s", approval.id, error)
        return sent
    finally:
        with suppress(OSError):
            mailer.close()
    rows.update(notified_at=timezone.now())
    return sent


def _sent_to(approval: Approval, address: str, mailer: object) -> bool:
    """Whether it was sent: not to strangers, and not where the server refuses the address."""
    if member_by_address(approval.workspace_id, address) is None:
        logger.warning("Approval %s: %s is no member; no mail is sent", approval.id, address)
        return False
    try:
        mailer.send_messages([_mail(approval, address)])  # type: ignore[attr-defined]
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as refused:
        if _may_pass(refused):
            raise
        logger.warning("Approval %s: mail to %s was refused: %s", approval.id, address, refused)
        return False
    return True


def _may_pass(refused: smtplib.SMTPException) -> bool:
    """Codes 4xx say: try again later."""
    if isinstance(refused, smtplib.SMTPRecipientsRefused):
        return any(code < 500 for code, _ in refused.recipients.values())
    return isinstance(refused, smtplib.SMTPResponseException) and refused.smtp_code < 500


def _mail(approval: Approval, address: str) -> EmailMessage:
    flow = " ".join(approval.run.flow.name.split())
    message = approval.message
    context = {
        "approval": approval,
        "flow": flow,
        "message": message[:QUOTED],
        "is_cut": len(message) > QUOTED,
        "link": link_address(approval, address),
    }
    return EmailMessage(
        f"Approval needed: {flow}"[:SUBJECT_LENGTH],
        render_to_string("execution/approval_mail.txt", context),
        settings.DEFAULT_FROM_EMAIL,
        [address],
        headers={"Auto-Submitted": "auto-generated"},
    )
