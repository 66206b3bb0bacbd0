"""The page behind the link of an e-mail: who has the link decides, without signing in.

Mail scanners follow links, so a GET only shows; the decision is a POST of its form.
"""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.limits import counts_failures
from execution.approval_links import Link, LinkDead, approval_of, read_link
from execution.approval_models import Approval
from execution.approval_people import member_by_address
from execution.views.approvals import decided, question

_TEMPLATE = "execution/approval_link.html"


@login_not_required
@counts_failures("approval_link", 404)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """The question with its form, or what was decided; 404 for a link that does not work."""
    try:
        link = read_link(token)
        approval = approval_of(link)
        if member_by_address(approval.workspace_id, link.email) is None:
            raise LinkDead("You are no member of the workspace any more.")
        response = _answer(request, link, approval)
    except LinkDead as dead:
        context = {"reason": str(dead)}
        response = render(request, "execution/approval_link_dead.html", context, status=404)
    # Nobody who finds the address should find it again by searching.
    response["X-Robots-Tag"] = "noindex"
    return response


def _answer(request: HttpRequest, link: Link, approval: Approval) -> HttpResponse:
    def context(request: HttpRequest, approval: Approval) -> dict[str, Any]:
        return {
            **question(approval),
            "link": link,
            "workspace": approval.workspace,
            "may_decide": approval.can_be_decided,
            "action": request.path,
        }

    if request.method == "POST":
        return decided(request, link, approval, _TEMPLATE, context)
    return render(request, _TEMPLATE, context(request, approval))
