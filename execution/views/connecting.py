"""Connecting a credential at its provider: sent there, come back, disconnected again."""

from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts import queries
from accounts.credentials.connections import disconnect_credential
from accounts.errors import InvalidValue
from accounts.models import Credential
from accounts.web import workspace_page
from execution.connecting import ConnectRefused, begin_connecting, finish_connecting
from flows.views.page_request import PageRequest


@require_POST
@workspace_page
def credential_connect(request: PageRequest, credential_id: UUID) -> HttpResponse:
    """On to the provider: at once, or without scripts by a link.

    A form that is answered by a redirect may lead to our own pages only (`form-action`), and to
    name the provider there would not do: many send people on to a third one.
    """
    credential = _credential(request, credential_id)
    try:
        address = begin_connecting(request.actor, credential, request.session)
    except ConnectRefused as refused:
        return _back(request, refused)
    if request.htmx:
        return HttpResponseClientRedirect(address)
    shown = {"credential": credential, "address": address, "host": urlsplit(address).netloc}
    return render(request, "execution/credential_continue.html", shown)


@require_GET
@never_cache
@sensitive_variables()
@workspace_page
def credential_connected(request: PageRequest) -> HttpResponse:
    """Back from the provider. Its code does not stay in the address of a page."""
    sent = {name: str(value)[:10_000] for name, value in request.GET.items()}
    try:
        credential = finish_connecting(request.actor, request.session, sent)
    except ConnectRefused as refused:
        return _back(request, refused)
    messages.success(request, "Connected. Steps use it from their next call on.")
    return redirect("credential-detail", credential.pk)


@require_POST
@workspace_page
def credential_disconnect(request: PageRequest, credential_id: UUID) -> HttpResponse:
    """What the provider gave is forgotten here; at the provider it is revoked by the person."""
    credential = _credential(request, credential_id)
    try:
        disconnect_credential(request.actor, credential)
    except InvalidValue as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "Disconnected. What the provider gave is forgotten here.")
    return redirect("credential-detail", credential.pk)


def _credential(request: PageRequest, credential_id: UUID) -> Credential:
    request.actor.require("credential.manage")
    return get_object_or_404(queries.credentials(request.actor), id=credential_id)


def _back(request: PageRequest, refused: ConnectRefused) -> HttpResponse:
    """To the credential, with what is wrong; where none is known, a page that says so."""
    if refused.credential is None:
        return render(
            request, "execution/credential_lost.html", {"said": refused.message}, status=400
        )
    messages.error(request, refused.message)
    if request.htmx:
        return HttpResponseClientRedirect(f"/settings/credentials/{refused.credential.pk}/")
    return redirect("credential-detail", refused.credential.pk)
