"""The page of a credential: change it, try it, see where it is used, delete it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import queries
from accounts.change_forms import CredentialChangeForm
from accounts.credentials.changes import change_credential
from accounts.credentials.types import MODEL_PROVIDERS
from accounts.credentials.use import delete_unused, uses_of
from accounts.errors import CredentialInUse, InvalidValue
from accounts.models import Credential
from accounts.web import workspace_page
from execution.connecting import may_connect, redirect_uri
from execution.trying_credentials import WITH_ADDRESS, try_credential
from flows.views.page_request import PageRequest


@require_safe
@workspace_page
def credential_page(request: PageRequest, credential_id: UUID) -> HttpResponse:
    """All of it, without what is secret."""
    return _page(request, _credential(request, credential_id))


@sensitive_post_parameters()
@require_POST
@workspace_page
def credential_change(request: PageRequest, credential_id: UUID) -> HttpResponse:
    """Its name, fields, secrets and limits, all at once; errors come back as 422."""
    credential = _credential(request, credential_id)
    form = CredentialChangeForm(credential, request.POST)
    if form.is_valid():
        try:
            change_credential(
                request.actor,
                credential,
                name=form.cleaned_data["name"],
                values=form.values(),
                limits=form.limits(),
            )
        except InvalidValue as refused:
            form.refuse(refused)
        else:
            messages.success(request, "The credential is changed. Try it below.")
            return redirect("credential-detail", credential.pk)
    return _page(request, credential, {"form": form}, status=422)


@require_POST
@workspace_page
def credential_try(request: PageRequest, credential_id: UUID) -> HttpResponse:
    """One harmless call with it, and what came of it."""
    credential = _credential(request, credential_id)
    url = request.POST.get("url", "")[:8_000]
    shown: dict[str, Any] = {"tried_url": url}
    try:
        shown["verdict"] = try_credential(request.actor, credential, url=url)
    except InvalidValue as refused:
        shown["try_error"] = refused.message
    status = 422 if "try_error" in shown else 200
    if request.htmx:
        shown |= {"credential": credential, "asks_address": credential.type in WITH_ADDRESS}
        return render(request, "execution/_credential_try.html", shown, status=status)
    return _page(request, credential, shown, status=status)


@require_POST
@workspace_page
def credential_delete(request: PageRequest, credential_id: UUID) -> HttpResponse:
    """For ever; where flows use it only with the tick that says so."""
    credential = _credential(request, credential_id)
    try:
        delete_unused(request.actor, credential, even_used=request.POST.get("used") == "on")
    except CredentialInUse as used:
        return _page(request, credential, {"delete_error": used.message}, status=409)
    messages.success(request, "The credential is deleted.")
    return redirect(reverse("settings") + "#credentials")


def _credential(request: PageRequest, credential_id: UUID) -> Credential:
    request.actor.require("credential.manage")
    return get_object_or_404(queries.credentials(request.actor), id=credential_id)


def _page(
    request: PageRequest,
    credential: Credential,
    shown: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    until = credential.connected_until
    context = {
        "credential": credential,
        "form": CredentialChangeForm(credential),
        "uses": uses_of(request.actor, credential),
        "asks_address": credential.type in WITH_ADDRESS,
        "takes_address": credential.type == "oauth2",
        "is_provider": credential.type in MODEL_PROVIDERS,
        "redirect_uri": redirect_uri() if may_connect(credential) else "",
        "connection_ended": bool(until and until < timezone.now()),
        **(shown or {}),
    }
    return render(request, "execution/credential_page.html", context, status=status)
