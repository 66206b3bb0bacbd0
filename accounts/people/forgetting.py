"""What names a person whose account is deleted, taken out of what stays."""

import json
import re
from uuid import UUID

from django.db import connection

from accounts.models import Credential, Invitation, User

#: What the audit trail calls everyone who is gone; its trigger knows the word too.
SOMEBODY = "a deleted person"
# Events by them lose name and address, events about them what they are called, and whoever else
# names one of their e-mail addresses that one. So do events of workspaces that close with them: the
# first one of everybody is called after them.
_FORGET = """
UPDATE accounts_auditevent SET
  actor = CASE
    WHEN user_id = %(user)s::uuid OR user_id IS NULL AND actor = ANY(%(labels)s::text[])
    THEN %(who)s::text ELSE actor END,
  ip = CASE
    WHEN user_id = %(user)s::uuid THEN NULL
    WHEN target_type = 'accounts.user' AND target_id = %(target)s::text THEN NULL
    ELSE ip END,
  details = (
    CASE WHEN jsonb_typeof(details->'shares') = 'object'
      THEN jsonb_set(details, '{shares}', (details->'shares') - %(emails)s::text[])
      ELSE details END
    ) - ARRAY(
      SELECT key FROM jsonb_each_text(details) AS named(key, value) WHERE
        (key IN ('email', 'name', 'named', 'reason', 'removed')
          AND target_type = 'accounts.user' AND target_id = %(target)s::text)
        OR (key IN ('email', 'to', 'account', 'removed') AND lower(value) = ANY(%(emails)s::text[]))
        OR (key = 'account' AND action = 'credential.connect' AND user_id = %(user)s::uuid)
        OR (key IN ('name', 'slug')
          AND target_type = 'accounts.workspace' AND target_id = ANY(%(closed)s::text[]))
        OR (key IN ('named', 'changes') AND value ~* %(pattern)s::text)
    )
WHERE user_id = %(user)s::uuid
  OR (user_id IS NULL AND actor = ANY(%(labels)s::text[]))
  OR (target_type = 'accounts.user' AND target_id = %(target)s::text)
  OR (target_type = 'accounts.workspace' AND target_id = ANY(%(closed)s::text[]))
  OR lower(details->>'email') = ANY(%(emails)s::text[])
  OR lower(details->>'to') = ANY(%(emails)s::text[])
  OR lower(details->>'account') = ANY(%(emails)s::text[])
  OR lower(details->>'removed') = ANY(%(emails)s::text[])
  OR details->'shares' ?| %(emails)s::text[]
  OR details->>'named' ~* %(pattern)s::text
  OR details->>'changes' ~* %(pattern)s::text
"""


def forget(user: User, closed: list[UUID]) -> None:
    """Take them out of the audit trail, invitations, connections and the console's own log.

    `closed` are the workspaces that end with them.
    """
    emails = addresses_of(user)
    pattern = _pattern(user, emails)
    Invitation.objects.filter(email__in=emails).delete()
    Credential.objects.filter(connected_by=user).update(connected_as="")
    _forget_in_console(user, pattern)
    _forget_events(user, emails, pattern, closed)


def addresses_of(user: User) -> list[str]:
    """Those that are theirs, in small letters: what somebody only typed names somebody else.

    The one of the account counts unverified as well, while nobody has verified it.
    """
    # Not every process that starts Django has these apps.
    from allauth.account.models import EmailAddress

    from accounts.authentication.claims import owner_of

    verified = EmailAddress.objects.filter(user=user, verified=True)
    own = {user.email.lower()} if owner_of(user.email) in (None, user) else set()
    return sorted(own | {email.lower() for email in verified.values_list("email", flat=True)})


def _forget_in_console(user: User, pattern: str) -> None:
    """What the console's log calls them, what is theirs, and what was changed of it."""
    from django.contrib.admin.models import LogEntry

    about = {"content_type__app_label": "accounts", "content_type__model": "user"}
    for rows in (
        LogEntry.objects.filter(**about, object_id=str(user.pk)),
        LogEntry.objects.filter(object_repr__iregex=pattern),
    ):
        rows.update(object_repr=SOMEBODY)
    LogEntry.objects.filter(change_message__iregex=pattern).update(change_message="")


def _pattern(user: User, emails: list[str]) -> str:
    """A regular expression for their addresses, and for what a membership of theirs is called."""
    addresses = "|".join(re.escape(email) for email in emails)
    # As they are written, and as the console's log has them: in JSON.
    called = "|".join(re.escape(name) for name in (str(user), json.dumps(str(user))[1:-1]))
    return (
        rf"(^|[^[:alnum:]._%+-])({addresses})($|[^[:alnum:]-])"
        rf"|(^|[^[:alnum:]])({called}) in "
    )


def _forget_events(user: User, emails: list[str], pattern: str, closed: list[UUID]) -> None:
    """The table's triggers let through that something is taken away."""
    labels = [*emails, *(f"{email} (link)" for email in emails)]
    labels += [f"operator {called}" for called in (*emails, str(user))]
    given: dict[str, str | UUID | list[str]] = {
        "user": user.pk,
        "target": str(user.pk),
        "emails": emails,
        "labels": labels,
        "pattern": pattern,
        "closed": [str(workspace) for workspace in closed],
        "who": SOMEBODY,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL flux.audit_forgets = 'on'")
        cursor.execute(_FORGET, given)
        # Not for what else this transaction does.
        cursor.execute("SET LOCAL flux.audit_forgets = 'off'")
