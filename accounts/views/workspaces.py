"""Workspaces as a whole: a new one, handing one over, deleting one."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import queries
from accounts.errors import InvalidValue, MembershipRefused
from accounts.members.changes import transfer_workspace
from accounts.members.closing import close_workspace
from accounts.members.forms import NewWorkspaceForm, TransferForm, TypedNameForm
from accounts.models import Role
from accounts.services import create_workspace
from accounts.web import SESSION_KEY, find_member, workspace_page


@require_http_methods(["GET", "HEAD", "POST"])
def new_workspace(request: Any) -> HttpResponse:
    """Make one and go there. Who is in none yet comes here too."""
    form = NewWorkspaceForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            made = create_workspace(request.user, name=form.cleaned_data["name"])
        except InvalidValue as refused:
            form.refuse(refused)
        else:
            request.session[SESSION_KEY] = str(made.id)
            messages.success(request, f"{made.name} is there, with the examples to start from.")
            return redirect("/")
    found = find_member(request)
    request.workspace = found[0] if found else None
    shown = {"form": form}
    status = 422 if form.errors else 200
    return render(request, "accounts/workspaces/new.html", shown, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page
def delete_workspace(request: Any) -> HttpResponse:
    """Delete it with all that is in it, once its name was typed."""
    request.actor.require("workspace.delete")
    form = TypedNameForm(request.workspace, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        close_workspace(request.actor, request.workspace)
        request.session.pop(SESSION_KEY, None)
        messages.success(request, f"{request.workspace.name} is deleted.")
        return redirect("/")
    shown = {"form": form, "workspace": request.workspace}
    status = 422 if form.errors else 200
    return render(request, "accounts/workspaces/delete.html", shown, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page
def transfer(request: Any) -> HttpResponse:
    """Hand it over to another member; who has a session only, and no password, does not."""
    request.actor.require("workspace.transfer")
    answer: HttpResponse = _transfer(request)
    return answer


@reauthentication_required
def _transfer(request: Any) -> HttpResponse:
    others = queries.members(request.actor).exclude(role=Role.OWNER)
    form = TransferForm(others, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        to = form.cleaned_data["member"]
        try:
            transfer_workspace(request.actor, to)
        except MembershipRefused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, f"{to.user} owns {request.workspace.name} now.")
            return redirect("members")
    shown = {"form": form, "workspace": request.workspace, "others": others}
    status = 422 if form.errors else 200
    return render(request, "accounts/workspaces/transfer.html", shown, status=status)
