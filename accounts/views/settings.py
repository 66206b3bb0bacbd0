"""The workspace's settings: its name and model, credentials, API keys and variables."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from accounts import queries, services
from accounts.credentials.types import MODEL_PROVIDERS
from accounts.credentials.use import delete_unused
from accounts.errors import CredentialInUse, InvalidValue
from accounts.forms import (
    ApiKeyForm,
    CredentialForm,
    CredentialLimitsForm,
    VariableForm,
    WorkspaceForm,
    installation_keeps,
)
from accounts.models import Credential
from accounts.web import SESSION_KEY, workspace_page


@workspace_page
@require_GET
def settings_page(request: Any) -> HttpResponse:
    """All of it, for those who may manage; the rest sees what they may see."""
    return _page(request)


@workspace_page
@require_POST
def change_workspace(request: Any) -> HttpResponse:
    form = WorkspaceForm(request.POST)
    if form.is_valid():
        try:
            services.update_workspace(request.actor, request.workspace, **form.cleaned_data)
        except InvalidValue as refused:
            form.refuse(refused)
    return _answer(request, "workspace", "workspace_form", form)


@workspace_page
@require_GET
def credential_fields(request: Any) -> HttpResponse:
    """The fields of a type, when another one is chosen."""
    form = CredentialForm(request.GET.get("type", ""))
    return render(request, "accounts/settings/_credential_fields.html", {"credential_form": form})


@workspace_page
@require_POST
@sensitive_post_parameters()
def add_credential(request: Any) -> HttpResponse:
    form = CredentialForm(request.POST.get("type", ""), request.POST)
    if form.is_valid():
        try:
            services.create_credential(
                request.actor,
                name=form.cleaned_data["name"],
                type=form.kind,
                values=form.values(),
                **form.limits(),
            )
        except InvalidValue as refused:
            form.refuse(refused)
    return _answer(request, "credentials", "credential_form", form)


@workspace_page
@require_POST
def limit_credential(request: Any, credential_id: UUID) -> HttpResponse:
    """How many calls may be made with a credential, at once and in a minute."""
    credential = get_object_or_404(queries.credentials(request.actor), id=credential_id)
    form = CredentialLimitsForm(credential, request.POST)
    if form.is_valid():
        try:
            services.limit_credential(request.actor, credential, **form.cleaned_data)
        except InvalidValue as refused:
            form.refuse(refused)
    return _answer(request, "credentials", "limits_form", form)


@workspace_page
@require_POST
def delete_credential(request: Any, credential_id: UUID) -> HttpResponse:
    """Where flows use it, its own page asks once more."""
    rows = queries.credentials(request.actor)
    credential = get_object_or_404(rows, id=credential_id)
    try:
        delete_unused(request.actor, credential)
    except CredentialInUse as used:
        shown = {"refusal": f"{used.message} Open '{credential.name}' to do so."}
        if request.htmx:
            return _section(request, "credentials", shown, status=422)
        return _page(request, shown, status=422)
    return _answer(request, "credentials")


@workspace_page
@require_POST
@never_cache
def add_key(request: Any) -> HttpResponse:
    """The token is in this one answer and never again."""
    form = ApiKeyForm(request.POST)
    if form.is_valid():
        try:
            _, token = services.create_api_key(
                request.actor,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at(),
                **form.limits(),
            )
        except InvalidValue as refused:
            form.refuse(refused)
        else:
            shown = {"token": token}
            return _section(request, "keys", shown) if request.htmx else _page(request, shown)
    return _answer(request, "keys", "key_form", form)


@workspace_page
@require_POST
def revoke_key(request: Any, key_id: UUID) -> HttpResponse:
    rows = queries.api_keys(request.actor)
    services.revoke_api_key(request.actor, get_object_or_404(rows, id=key_id))
    return _answer(request, "keys")


@workspace_page
@require_POST
def set_variable(request: Any) -> HttpResponse:
    form = VariableForm(request.POST)
    if form.is_valid():
        try:
            services.set_variable(
                request.actor, form.cleaned_data["name"], form.cleaned_data["value"]
            )
        except InvalidValue as refused:
            form.refuse(refused)
    return _answer(request, "variables", "variable_form", form)


@workspace_page
@require_POST
def delete_variable(request: Any, variable_id: int) -> HttpResponse:
    rows = queries.variables(request.actor)
    services.delete_variable(request.actor, get_object_or_404(rows, id=variable_id))
    return _answer(request, "variables")


@workspace_page
@require_POST
def switch_workspace(request: Any) -> HttpResponse:
    """Choose another workspace of one's own; a foreign one changes nothing."""
    wanted = request.POST.get("workspace", "")
    if any(str(workspace.id) == wanted for workspace in request.workspaces):
        request.session[SESSION_KEY] = wanted
    target = request.POST.get("next", "/")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    return HttpResponseRedirect(target if safe else "/")


def _answer(request: Any, section: str, name: str = "", form: Any = None) -> HttpResponse:
    """The section anew for HTMX, else the page; with the form where it has errors."""
    if form is None or not form.errors:
        if request.htmx:
            return _section(request, section, {"saved": True})
        return redirect(reverse("settings") + f"#{section}")
    if request.htmx:
        return _section(request, section, {name: form}, status=422)
    return _page(request, {name: form}, status=422)


def _section(request: Any, section: str, shown: dict[str, Any], status: int = 200) -> HttpResponse:
    context = {**_context(request), **shown}
    return render(request, f"accounts/settings/_{section}.html", context, status=status)


def _page(request: Any, shown: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    context = {**_context(request), **(shown or {})}
    return render(request, "accounts/settings.html", context, status=status)


def _with_limits(request: Any) -> list[tuple[Credential, CredentialLimitsForm]]:
    rows = queries.credentials(request.actor)
    return [(credential, CredentialLimitsForm(credential)) for credential in rows]


def _context(request: Any) -> dict[str, Any]:
    """What every section shows. The lists are lazy: a section that is not drawn costs nothing."""
    actor = request.actor
    return {
        "may": {
            "edit": actor.can("workspace.edit"),
            "credentials": actor.can("credential.manage"),
            "keys": actor.can("key.manage"),
            "variables": actor.can("variable.manage"),
            "delete": actor.can("workspace.delete"),
        },
        "workspace": request.workspace,
        "installation_keeps": installation_keeps(),
        "credentials": lambda: _with_limits(request),
        "model_providers": MODEL_PROVIDERS,
        "keys": queries.api_keys(actor),
        "variables": queries.variables(actor),
        "workspace_form": WorkspaceForm.of(request.workspace),
        "credential_form": CredentialForm(request.GET.get("type", "")),
        "key_form": ApiKeyForm(),
        "variable_form": VariableForm(),
    }
