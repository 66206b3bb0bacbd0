"""The pages of approvals: those that wait, and one with the form that decides it."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from accounts.models import Membership
from accounts.permissions import Actor
from accounts.web import workspace_page
from execution.approval_links import Link
from execution.approval_mail import mail_is_set_up
from execution.approval_models import Approval, ApprovalState
from execution.approval_people import may_decide, person_of
from execution.approval_queries import approvals_of, for_decision
from execution.approval_services import DECISIONS, Answer, decide, why_closed
from execution.errors import DecisionInvalid, RunStateConflict
from execution.views.run_form import RunForm, form_for, read_fields
from execution.views.uploads import Sent, with_uploads
from flows.sharing import on
from flows.views.page_request import PageRequest

PER_PAGE = 50


@require_GET
@workspace_page
def approval_list(request: PageRequest) -> HttpResponse:
    """Open ones that the reader may decide; `?state=`, `?who=all` and `?run=` show others."""
    everybody = request.GET.get("who") == "all"
    rows = (
        approvals_of(request.actor)
        if everybody
        else for_decision(request.actor, person_of(request.actor))
    )
    state, run_id = request.GET.get("state", ""), _id(request.GET.get("run", ""))
    if state not in (*ApprovalState.values, "any"):
        state = ApprovalState.OPEN.value
    if state != "any":
        rows = rows.filter(state=state)
    if run_id:
        rows = rows.filter(run_id=run_id)
    rows = rows.defer("fields", "data", "comment").order_by("-created_at")
    context = {
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "states": ApprovalState.choices,
        "state": state,
        "who": "all" if everybody else "me",
        "run_id": run_id,
    }
    partial = request.htmx and not request.htmx.history_restore_request
    template = "execution/approval_list.html" + ("#results" if partial else "")
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page
def approval_page(request: PageRequest, approval_id: UUID) -> HttpResponse:
    """What is asked, and the form that decides it; errors come back in the form, as 422."""
    approval = get_object_or_404(approvals_of(request.actor), pk=approval_id)
    if request.method == "POST":
        return decided(request, request.actor, approval, "execution/approval_page.html", _context)
    return render(request, "execution/approval_page.html", _context(request, approval))


def _context(request: HttpRequest, approval: Approval) -> dict[str, Any]:
    """What the page shows beside the question."""
    actor: Actor = on(request.actor, approval.run.flow)  # type: ignore[attr-defined]
    members = (
        Membership.objects.filter(workspace_id=approval.workspace_id, user__is_active=True)
        .annotate(address=Lower("user__email"))
        .filter(address__in=approval.assignees)
        .values_list("address", flat=True)
    )
    return {
        **question(approval),
        "may_decide": approval.can_be_decided and may_decide(actor, person_of(actor), approval),
        "strangers": sorted(set(approval.assignees) - set(members)),
        "mail_is_set_up": mail_is_set_up(),
        "action": request.path,
    }


def question(approval: Approval) -> dict[str, Any]:
    """An approval for a template, with its form as it is first shown."""
    data = json.dumps(approval.data, ensure_ascii=False, indent=2) if approval.data else ""
    return {
        "approval": approval,
        "run": approval.run,
        "flow": approval.run.flow,
        "form": form_for(approval.fields),
        "comment": "",
        "closed": "" if approval.can_be_decided else why_closed(approval),
        "filled_in": data,
    }


def decided(
    request: HttpRequest, who: Actor | Link, approval: Approval, template: str, context: Any
) -> HttpResponse:
    """Decide with what the form says, and go to the page again; else the form with its errors."""
    sent = Sent(request.POST)
    if approval.can_be_decided:
        sent = with_uploads(_uploader(who, approval), approval.fields, request)
    submitted = read_fields(approval.fields, sent.data)
    form = submitted.form.with_errors(sent.errors)
    comment = request.POST.get("comment", "").replace("\r\n", "\n")
    decision = request.POST.get("decision", "")
    if decision not in DECISIONS:
        form = form.with_errors([{"path": "", "message": "Choose: approve or reject."}])
    elif not form.has_errors:
        answer = Answer(decision, comment.strip(), submitted.inputs)
        try:
            decide(who, approval.run, approval.node, approval.path, answer, via="page")
        except DecisionInvalid as invalid:
            form = form.with_errors([_at_its_field(error) for error in invalid.errors])
        except RunStateConflict as conflict:
            messages.error(request, str(conflict))
            return _again(request)
        else:
            messages.success(request, f"{DECISIONS[decision].label}. The run goes on.")
            return _again(request)
    return _with_errors(request, form, comment, template, context(request, approval))


def _uploader(who: Actor | Link, approval: Approval) -> Actor:
    """Whoever may decide may give the files that the form asks for, in whatever role."""
    label = who.label if isinstance(who, Actor) else who.email
    user_id = who.user_id if isinstance(who, Actor) else None
    return Actor(approval.workspace_id, label, frozenset({"file.write"}), user_id=user_id)


def _at_its_field(error: Mapping[str, Any]) -> dict[str, str]:
    """Errors name `data.<field>`; the form knows its fields by name."""
    return {"path": str(error["path"]).removeprefix("data."), "message": str(error["message"])}


def _again(request: HttpRequest) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(request.path)
    return redirect(request.path)


def _with_errors(
    request: HttpRequest, form: RunForm, comment: str, template: str, context: dict[str, Any]
) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        template = "execution/_approval_form.html"
    else:
        messages.error(request, "Nothing was decided: look at the fields marked below.")
    return render(request, template, {**context, "form": form, "comment": comment}, status=422)
