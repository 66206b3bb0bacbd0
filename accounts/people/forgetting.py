"""What names a person whose account is deleted, taken out of what stays.

Events and lines of the console's log are found by ids: of the person, their memberships and the
workspaces that ended with them. Words name them only where they are exactly an address of theirs,
or what a membership is called in a workspace they were in: names are free, and others share them.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q

from accounts.models import AuditEvent, Credential, Invitation, Membership, Role, User, Workspace

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
        (key IN ('email', 'name', 'named', 'reason', 'removed', 'before')
          AND target_type = 'accounts.user' AND target_id = %(target)s::text)
        OR (key IN ('email', 'to', 'account', 'removed', 'named')
          AND lower(value) = ANY(%(emails)s::text[]))
        OR (key = 'account' AND action = 'credential.connect' AND user_id = %(user)s::uuid)
        OR (key = 'named' AND target_type = 'accounts.invitation'
          AND split_part(lower(value), ' ', 1) = ANY(%(emails)s::text[]))
        OR (key = 'reason' AND action = 'sign_in.refused' AND target_id = ''
          AND split_part(lower(value), ' ', 1) = ANY(%(emails)s::text[]))
        OR (key = 'named'
          AND target_type = 'accounts.membership' AND target_id = ANY(%(memberships)s::text[]))
        OR (key IN ('name', 'slug')
          AND target_type = 'accounts.workspace' AND target_id = ANY(%(closed)s::text[]))
    )
WHERE user_id = %(user)s::uuid
  OR (user_id IS NULL AND actor = ANY(%(labels)s::text[]))
  OR (target_type = 'accounts.user' AND target_id = %(target)s::text)
  OR (target_type = 'accounts.workspace' AND target_id = ANY(%(closed)s::text[]))
  OR (target_type = 'accounts.membership' AND target_id = ANY(%(memberships)s::text[]))
  OR lower(details->>'email') = ANY(%(emails)s::text[])
  OR lower(details->>'to') = ANY(%(emails)s::text[])
  OR lower(details->>'account') = ANY(%(emails)s::text[])
  OR lower(details->>'removed') = ANY(%(emails)s::text[])
  OR lower(details->>'named') = ANY(%(emails)s::text[])
  OR (action = 'sign_in.refused' AND target_id = ''
    AND split_part(lower(details->>'reason'), ' ', 1) = ANY(%(emails)s::text[]))
  OR (target_type = 'accounts.invitation'
    AND split_part(lower(details->>'named'), ' ', 1) = ANY(%(emails)s::text[]))
  OR details->'shares' ?| %(emails)s::text[]
"""


@dataclass(frozen=True)
class Traces:
    """Ids, as text, and words by which what stays names the person."""

    user: User
    emails: list[str]
    memberships: list[str]
    #: Workspaces that end with them, and those that they ended while nobody else was in them.
    closed: list[str]
    workspaces: list[str]
    #: What memberships of theirs are called in workspaces they were in.
    called: frozenset[str]

    @property
    def labels(self) -> list[str]:
        """What events call them that know no id of theirs: decisions by a link, commands."""
        by_address = [f"operator {email}" for email in self.emails]
        return [*self.emails, *(f"{email} (link)" for email in self.emails), *by_address]


def forget(traces: Traces) -> None:
    """Take somebody out of the audit trail, invitations, connections and the console's own log."""
    Invitation.objects.filter(email__in=traces.emails).delete()
    Credential.objects.filter(connected_by=traces.user).update(connected_as="")
    _forget_in_console(traces)
    _forget_events(traces)


def addresses_of(user: User) -> list[str]:
    """Those that are theirs, in small letters: what somebody only typed names somebody else.

    The one of the account counts unverified as well, while nobody has verified it and somebody was
    let in by it.
    """
    # Not every process that starts Django has these apps.
    from allauth.account.models import EmailAddress

    from accounts.authentication.claims import owner_of

    verified = EmailAddress.objects.filter(user=user, verified=True)
    own = {email.lower() for email in verified.values_list("email", flat=True)}
    was_let_in = user.last_login or settings.ACCOUNT_EMAIL_VERIFICATION != "mandatory"
    if was_let_in and owner_of(user.email) is None:
        own.add(user.email.lower())
    return sorted(own)


def traces_of(user: User, closing: Collection[Workspace]) -> Traces:
    """What leads to them; asked before their memberships and `closing` workspaces end."""
    emails = addresses_of(user)
    # Of memberships that are over.
    over = AuditEvent.objects.filter(target_type="accounts.membership").filter(
        Q(user=user, action__in=("member.join", "member.leave")) | Q(details__email__in=emails)
    )
    now = Membership.objects.filter(user=user).values_list("id", flat=True)
    # Releases before did not say how many were in it.
    alone = Q(details__members=1) | Q(details__name=user.default_workspace_name)
    ended = AuditEvent.objects.filter(alone, user=user, action="workspace.delete")
    workspaces = list(Workspace.objects.filter(id__in=_places_of(user)))
    return Traces(
        user=user,
        emails=emails,
        memberships=[*map(str, now), *over.values_list("target_id", flat=True)],
        closed=[
            *(str(workspace.id) for workspace in closing),
            *ended.values_list("target_id", flat=True),
        ],
        workspaces=[str(workspace.id) for workspace in workspaces],
        called=frozenset(_membership_names(user, workspaces)),
    )


def _places_of(user: User) -> set[UUID]:
    """Workspaces they are in, or did something in; two queries, each by an index."""
    acted = AuditEvent.objects.filter(user=user, workspace__isnull=False).order_by()
    return {
        *Membership.objects.filter(user=user).values_list("workspace_id", flat=True),
        *acted.values_list("workspace_id", flat=True).distinct(),
    }


def _membership_names(user: User, workspaces: Iterable[Workspace]) -> Iterable[str]:
    renamed = AuditEvent.objects.filter(action="profile.edit", target_id=str(user.pk))
    others = renamed.values_list("details__name", "details__before")
    names = {user.email, user.name, *(name for pair in others for name in pair)} - {"", None}
    for workspace in workspaces:
        for name in names:
            yield from (f"{name} in {workspace}: {role}" for role in Role.values)


def _forget_in_console(traces: Traces) -> None:
    """What the console's log calls them, what is theirs, and what was changed of it."""
    from django.contrib.admin.models import LogEntry

    lines = LogEntry.objects.filter(content_type__app_label="accounts")
    about = {
        "user": [str(traces.user.pk)],
        "membership": traces.memberships,
        "workspace": traces.closed,
    }
    for model, ids in about.items():
        lines.filter(content_type__model=model, object_id__in=ids).update(object_repr=SOMEBODY)
    LogEntry.objects.filter(object_repr__in=traces.emails).update(object_repr=SOMEBODY)
    for email in traces.emails:
        invited = lines.filter(content_type__model="invitation")
        invited.filter(object_repr__startswith=f"{email} to ").update(object_repr=SOMEBODY)
    seen = Q(content_type__model="user", object_id=str(traces.user.pk)) | Q(
        content_type__model="workspace", object_id__in=[*traces.workspaces, *traces.closed]
    )
    for line in lines.filter(seen, change_message__startswith="["):
        changes = json.loads(line.change_message)
        if _named_in(changes, traces):
            for told in _named_in(changes, traces):
                told["object"] = SOMEBODY
            line.change_message = json.dumps(changes)
            line.save(update_fields=["change_message"])


def _named_in(changes: Any, traces: Traces) -> list[dict[str, Any]]:
    """Of what an operator changed, the parts that are called after them."""
    entries = changes if isinstance(changes, list) else []
    parts = [part for entry in entries if isinstance(entry, dict) for part in entry.values()]
    return [
        part
        for part in parts
        if isinstance(part, dict) and part.get("object") in {*traces.called, *traces.emails}
    ]


def _forget_events(traces: Traces) -> None:
    """The table's triggers let through that something is taken away."""
    given: dict[str, str | UUID | list[str]] = {
        "user": traces.user.pk,
        "target": str(traces.user.pk),
        "emails": traces.emails,
        "labels": traces.labels,
        "memberships": traces.memberships,
        "closed": traces.closed,
        "who": SOMEBODY,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL flux.audit_forgets = 'on'")
        cursor.execute(_FORGET, given)
        _forget_changes(traces)
        # Not for what else this transaction does.
        cursor.execute("SET LOCAL flux.audit_forgets = 'off'")


def _forget_changes(traces: Traces) -> None:
    """Events of releases before called memberships after their people; now it is their id."""
    told = AuditEvent.objects.filter(action__startswith="operator.", details__has_key="changes")
    theirs = Q(target_type="accounts.user", target_id=str(traces.user.pk)) | Q(
        target_type="accounts.workspace", target_id__in=[*traces.workspaces, *traces.closed]
    )
    for event in told.filter(theirs):
        named = _named_in(event.details["changes"], traces)
        for part in named:
            del part["object"]
        if named:
            AuditEvent.objects.filter(pk=event.pk).update(details=event.details)
