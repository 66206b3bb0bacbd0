"""Signed links by which assignees decide without signing in: made, read, and no longer valid."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from execution.approval_models import Approval

_SALT = "execution.approval"
#: How long a link lives where the deadline does not come first.
LINK_LIFE = timedelta(days=30)


class LinkDead(Exception):
    """The link does not let anybody decide: not whole, too old, or of somebody who left."""

    code = "link_dead"


@dataclass(frozen=True)
class Link:
    """What a valid link says: who may decide what."""

    approval_id: UUID
    email: str


def link_address(approval: Approval, email: str) -> str:
    """The whole address of the page on which this person decides."""
    token = signing.TimestampSigner(salt=_SALT).sign_object(
        {"approval": str(approval.id), "email": email.lower()}
    )
    return settings.FLUX_PUBLIC_URL.rstrip("/") + reverse("approval-link", args=[token])


def read_link(token: str) -> Link:
    """What a token says. Raises LinkDead for one that is not ours, not whole, or too old."""
    try:
        said = signing.TimestampSigner(salt=_SALT).unsign_object(token, max_age=LINK_LIFE)
        return Link(UUID(said["approval"]), str(said["email"]))
    except signing.SignatureExpired:
        raise LinkDead("This link is older than 30 days.") from None
    except (signing.BadSignature, ValueError, KeyError, TypeError):
        raise LinkDead("This link is not whole. Copy all of it from the e-mail.") from None


def approval_of(link: Link) -> Approval:
    """The approval a link leads to. Raises LinkDead where it is gone, or was for somebody else."""
    found = Approval.objects.select_related("run", "run__flow").filter(id=link.approval_id).first()
    if found is None:
        raise LinkDead("What was to be decided is not there any more.")
    if link.email not in found.assignees:
        raise LinkDead("This link is not for one of those who may decide.")
    return found
