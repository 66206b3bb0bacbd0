"""What the console writes down of people: by id, so that nothing names them once they are gone."""

import json
import re
from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import models

from accounts.models import Invitation, User

_PERSON = re.compile(r"\buser ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")


def called(row: models.Model) -> str:
    """A row as the trail and the console's log call it: what is of a person after their id."""
    kind = str(row._meta.verbose_name)
    if isinstance(row, User):
        return f"user {row.pk}"
    if isinstance(row, Invitation):  # It is called after an address.
        return f"{kind} {row.pk}"
    person = getattr(row, "user_id", None)
    return f"{kind} of user {person}" if person else str(row)


def without_names(changes: list[dict[str, Any]], formsets: Iterable[Any]) -> list[dict[str, Any]]:
    """Django's account of a change, in which rows below the changed one are `called`."""
    names = {}
    for formset in formsets:
        changed = [row for row, _ in formset.changed_objects]
        for row in (*formset.new_objects, *changed, *formset.deleted_objects):
            names[str(row)] = called(row)
    for change in changes:
        for part in change.values():
            if "object" in part:
                part["object"] = names.get(part["object"], part["object"])
    return changes


def with_addresses(lines: Iterable[LogEntry]) -> None:
    """Lines of the log as operators read them: who is there still, by address. Not to be saved."""
    told = list(lines)
    ids = {found for line in told for found in _PERSON.findall(line.change_message)}
    people = User.objects.filter(pk__in=ids).values_list("pk", "email")
    # Within JSON.
    emails = {str(key): json.dumps(email)[1:-1] for key, email in people}
    for line in told:
        line.change_message = _PERSON.sub(
            lambda found: emails.get(found[1], found[0]), line.change_message
        )
