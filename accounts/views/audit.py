"""The page of the audit trail, and the trail as a file."""

from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts.audit.files import FORMATS, export_audit
from accounts.audit.queries import AuditFilter, actions_seen, as_line, audit_events
from accounts.change_forms import AuditForm
from accounts.web import workspace_page
from fluxprompt.api.paging import CursorInvalid, newest_first

PER_PAGE = 50


@require_safe
@workspace_page
def audit_page(request: Any) -> HttpResponse:
    """Who did what in the workspace, newest first, a page at a time."""
    form, wanted = _asked(request, request.GET)
    rows = audit_events(request.actor, wanted)
    cursor = request.GET.get("cursor", "")
    try:
        page = newest_first(rows, by="at", limit=PER_PAGE, cursor=cursor)
    except CursorInvalid:
        cursor, page = "", newest_first(rows, by="at", limit=PER_PAGE)
    shown = {
        "form": form,
        "lines": [as_line(event) for event in page.results],
        "next": page.next,
        "is_first": not cursor,
        "is_filtered": bool(wanted.as_details()),
    }
    return render(request, "accounts/audit.html", shown)


@require_POST
@workspace_page
def audit_export(request: Any, kind: str) -> HttpResponseBase:
    """All that the filter finds, as a download."""
    if kind not in FORMATS:
        raise Http404
    _, wanted = _asked(request, request.POST)
    return export_audit(request.actor, request, wanted, kind)


def _asked(request: Any, given: Any) -> tuple[AuditForm, AuditFilter]:
    form = AuditForm(actions_seen(request.actor), given)
    form.is_valid()
    return form, form.wanted()
