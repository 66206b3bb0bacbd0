"""Sign-ins, sign-outs and changes of how people sign in, as events of the audit trail.

They belong to no workspace, so each workspace that the person is in gets one; those of nobody known
are for operators only. allauth and Django tell of them by signals.
"""

from typing import Any
from uuid import UUID

from allauth.account import signals as account
from allauth.account.authentication import get_authentication_records
from allauth.mfa import signals as factors
from allauth.socialaccount import signals as connections
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import Signal

from accounts.audit.origin import current_origin
from accounts.models import AuditEvent, Membership, User

#: Workspaces of a person that are told.
MOST = 100
_CHANGES: dict[str, Signal] = {
    "password.set": account.password_set,
    "password.change": account.password_changed,
    "password.reset": account.password_reset,
    "email.change": account.email_changed,
    "email.add": account.email_added,
    "email.remove": account.email_removed,
    "factor.add": factors.authenticator_added,
    "factor.remove": factors.authenticator_removed,
    "factor.reset": factors.authenticator_reset,
    "factor.refused": factors.authentication_failed,
}
_CONNECTIONS: dict[str, Signal] = {
    "connection.add": connections.social_account_added,
    "connection.remove": connections.social_account_removed,
}


def listen() -> None:
    """Write down what is told from now on; listening twice counts once."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_refused, dispatch_uid="audit")
    for action, signal in _CHANGES.items():
        # Not weakly: nobody else holds these.
        signal.connect(_writer(action), weak=False, dispatch_uid=f"audit {action}")
    for action, signal in _CONNECTIONS.items():
        signal.connect(_connected(action), weak=False, dispatch_uid=f"audit {action}")


def _writer(action: str) -> Any:
    def write(sender: Any, user: Any, **told: Any) -> None:
        factor = getattr(told.get("authenticator"), "type", None)
        # A wrong code: who gave it is not known to be this person.
        by = None if action.endswith(".refused") else _THEMSELVES
        record_about(user, action, by=by, **({"factor": str(factor)} if factor else {}))

    return write


def _signed_in(sender: Any, user: Any, request: Any = None, **told: Any) -> None:
    ways = _ways(request, user)
    record_about(user, "sign_in", **({"with": ways} if ways else {}))


def _ways(request: Any, user: User) -> str:
    """By what this sign-in was, as in "password + totp"; empty where nobody was asked."""
    if getattr(request, "session", None) is None:
        return ""
    said = []
    for record in get_authentication_records(request, user):
        kind = record.get("type") or record.get("provider") or record["method"]
        said.append("passkey" if record.get("passwordless") else str(kind))
    return " + ".join(said[-3:])


def _signed_out(sender: Any, user: Any, **told: Any) -> None:
    if user is not None:  # a session that was nobody's ends too
        record_about(user, "sign_out")


def _refused(sender: Any, credentials: Any, **told: Any) -> None:
    """A wrong password. Who asked is nobody yet: the event is about the person, not by them."""
    names = ("email", "login", "username")
    given = next((str(credentials[name]) for name in names if name in credentials), "")
    given = given.replace("\x00", "")[:200]
    user = User.objects.filter(email=given.strip().lower()).first()
    if user is not None:
        record_about(user, "sign_in.refused", by=None)
        return
    origin = current_origin()
    AuditEvent.objects.create(
        actor="nobody",
        action="sign_in.refused",
        target_type="accounts.user",
        target_id="",
        details={"email": given},
        via=origin.via,
        ip=origin.ip,
    )


def record_refusal(*, by: str, reason: str) -> None:
    """A sign-in by a passkey or a provider that failed; whose it would have been nobody knows."""
    origin = current_origin()
    AuditEvent.objects.create(
        actor="nobody",
        action="sign_in.refused",
        target_type="accounts.user",
        target_id="",
        details={"with": by, "reason": reason.replace("\x00", "")},
        via=origin.via,
        ip=origin.ip,
    )


def _connected(action: str) -> Any:
    def write(sender: Any, **told: Any) -> None:
        login, account = told.get("sociallogin"), told.get("socialaccount")
        account = account or getattr(login, "account", None)
        if account is not None:
            record_about(account.user, action, provider=account.provider)

    return write


_THEMSELVES = object()


def record_about(user: User, action: str, *, by: object = _THEMSELVES, **details: Any) -> None:
    """An event of a person in each workspace they are in; in none where they are in none.

    `by`: what to call who did it where it was not the person themselves; None: nobody known.
    """
    origin = current_origin()
    memberships = Membership.objects.filter(user=user).order_by("created_at")
    workspaces: list[UUID | None] = [*memberships.values_list("workspace_id", flat=True)[:MOST]]
    themselves = by is _THEMSELVES
    events = [
        AuditEvent(
            workspace_id=workspace,
            user_id=user.pk if themselves else None,
            actor=str(user if themselves else by or "nobody")[:200],
            action=action,
            target_type="accounts.user",
            target_id=str(user.pk),
            details={"email": user.email, **details},
            via=origin.via,
            ip=origin.ip,
        )
        for workspace in workspaces or [None]
    ]
    with transaction.atomic():
        AuditEvent.objects.bulk_create(events)
