"""What runs were given and made is shown to operators for a while, and for a reason that is kept.

It is opened for one workspace at a time, by who has the right `execution.view_run_data`; that, and
every row that is looked at, goes to the audit trail of the workspace.
"""

import time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.cache import cache
from django.db import models, transaction
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.errors import InvalidValue
from accounts.models import User, Workspace
from accounts.operators.operating import Operator
from accounts.operators.support import RUN_DATA
from accounts.operators.tables import as_json, workspace_id_of
from accounts.services import record_audit

#: Seconds for which a workspace's values are shown, and characters of the reason.
OPEN_SECONDS = 1_800
LONGEST_REASON = 200
#: Seconds of an operator's decoding that are one event: the Temporal UI asks once for each payload.
DECODED_SECONDS = 600
_SESSION = "run_data"


def open_values(
    request: HttpRequest, operator: Operator, workspace: Workspace, reason: str
) -> None:
    """Show this workspace's values in this session for half an hour. Raises InvalidValue."""
    operator.require(RUN_DATA)
    reason = " ".join(reason.replace("\x00", "").split())
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidValue("reason", f"Say why, in {LONGEST_REASON} characters at most.")
    operator.audit("run_data.open", workspace, workspace_id=workspace.id, reason=reason)
    opened = {name: until for name, until in _opened(request).items() if until > time.time()}
    request.session[_SESSION] = {**opened, str(workspace.id): time.time() + OPEN_SECONDS}


def record_decoding(operator: Operator, user: User) -> None:
    """Write that somebody reads in the Temporal UI, once in DECODED_SECONDS.

    The event is of no workspace: a payload does not say whose it is.
    """
    # In one transaction: no mark without the event, and who asks at the same moment waits for it.
    with transaction.atomic():
        if cache.add(f"flux-decoded:{user.pk}", 1, timeout=DECODED_SECONDS):
            operator.audit("run_data.decode", user)


def are_open(request: HttpRequest, workspace_id: UUID | None) -> bool:
    """Whether the values of a workspace are shown to who asks."""
    right = request.user.has_perm(RUN_DATA)  # type: ignore[union-attr]
    return bool(right) and _opened(request).get(str(workspace_id), 0) > time.time()


def _opened(request: HttpRequest) -> dict[str, float]:
    found = request.session.get(_SESSION)
    return found if isinstance(found, dict) else {}


class HiddenValues:
    """An admin of rows with values of runs; its displays show them by `value_of`."""

    def get_object(self, request: HttpRequest, *given: Any, **more: Any) -> Any:
        row = super().get_object(request, *given, **more)  # type: ignore[misc]
        if row is not None:
            workspace = workspace_id_of(row)
            row.values_open = are_open(request, workspace)
            if row.values_open:
                user: Any = request.user
                record_audit(
                    "run_data.view",
                    row,
                    workspace_id=workspace,
                    user_id=user.pk,
                    label=f"operator {user}",
                    details={},
                )
        return row


def error_of(row: models.Model, error: Any) -> SafeString | str:
    """Its code, and for who sees values the whole: messages quote what services answered."""
    if not error:
        return "–"
    return format_html("<p>{}</p>{}", error.get("code", "–"), value_of(row, error))


def value_of(row: models.Model, value: Any) -> SafeString | str:
    """The value as JSON, or the way to it."""
    if getattr(row, "values_open", False):
        return as_json(value)
    try:
        page = reverse("admin:console-run-data", args=[workspace_id_of(row)])
        here = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return "Not shown."
    return format_html(
        'Not shown. <a class="text-primary-600 dark:text-primary-400" href="{}?{}">Show it, with '
        "a reason</a>",
        page,
        urlencode({"next": here}),
    )
