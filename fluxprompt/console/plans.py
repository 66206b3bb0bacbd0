"""Plans and credit: who is on which plan, what is left, and grants beside it."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.errors import InvalidValue
from accounts.models import Plan, Workspace
from accounts.operators.plans import limits_of
from billing.credits import credit_of, grant_credit, put_on_plan
from billing.models import CreditGrant
from fluxprompt.console.pages import console_page, operator_for, shown

PER_PAGE = 25
#: Grants that a workspace's page shows.
SHOWN = 50


@require_safe
@console_page(sees="accounts.view_plan")
def plans(request: HttpRequest) -> HttpResponse:
    """Plans, and workspaces with what they have left: those on a plan first."""
    search = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    rows = Workspace.objects.select_related("plan").order_by("plan__name", "name", "id")
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(slug__icontains=search))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return shown(
        request,
        "plans",
        "Plans and credit",
        plans=Plan.objects.order_by("name"),
        page=page,
        rows=[(workspace, _left(workspace)) for workspace in page],
        search=search,
        may_add=operator_for(request).may("accounts.add_plan"),
    )


def _left(workspace: Workspace) -> Decimal | None:
    if workspace.plan is None or workspace.plan.monthly_credit is None:
        return None
    found = credit_of(workspace.id)
    return found.left if found is not None else None


@require_http_methods(["GET", "HEAD", "POST"])
@console_page(sees="accounts.view_plan", changes="accounts.view_plan")
def workspace_plan(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """A workspace's plan, its credit, and forms for both; the services ask for their rights."""
    workspace = Workspace.objects.select_related("plan").filter(id=workspace_id).first()
    if workspace is None:
        raise Http404("There is no such workspace.")
    refused: InvalidValue | None = None
    if request.method == "POST":
        try:
            said = _change(request, workspace)
        except InvalidValue as error:
            refused = error
        else:
            messages.success(request, said)
            return redirect("admin:console-workspace", workspace.id)
    operator = operator_for(request)
    grants = CreditGrant.objects.filter(workspace=workspace).select_related("granted_by")
    return shown(
        request,
        "workspace",
        f"Plan and credit of {workspace.name}",
        status=422 if refused else 200,
        workspace=workspace,
        plans=Plan.objects.order_by("name"),
        limits=limits_of(workspace.id),
        credit=credit_of(workspace.id),
        grants=grants.order_by("-at")[:SHOWN],
        now=timezone.now(),
        refused=refused,
        sent=request.POST,
        may_plan=operator.may("accounts.change_workspace"),
        may_grant=operator.may("billing.add_creditgrant"),
    )


def _change(request: HttpRequest, workspace: Workspace) -> str:
    """Do what a form asks for; what was done, in words. Raises InvalidValue."""
    operator, sent = operator_for(request), request.POST
    if "amount" in sent:
        try:
            amount = Decimal(sent["amount"].strip())
        except InvalidOperation:
            raise InvalidValue("amount", "Give an amount of US dollars, as in 25.00.") from None
        until = _day(sent.get("expires_at", ""))
        grant_credit(operator, workspace, amount, sent.get("reason", ""), until)
        return "The credit is granted." if amount > 0 else "The credit is taken back."
    chosen = sent.get("plan", "")
    plan = Plan.objects.filter(id=chosen).first() if chosen.isdecimal() else None
    if chosen and plan is None:
        raise InvalidValue("plan", "Choose one of the plans, or none.")
    put_on_plan(operator, workspace, plan, sent.get("reason", ""))
    return f"{workspace.name} is on the plan {plan}." if plan else "It is on no plan: no limits."


def _day(text: str) -> datetime | None:
    """The end of a day (UTC), as a field of dates says it. Raises InvalidValue."""
    if not text.strip():
        return None
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d")
    except ValueError:
        raise InvalidValue("expires_at", "Give a day, or nothing.") from None
    return day.replace(hour=23, minute=59, second=59, tzinfo=UTC)
