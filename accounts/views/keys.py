"""The page of an API key."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts import hooks, queries
from accounts.change_forms import ApiKeyChangeForm
from accounts.errors import InvalidValue
from accounts.keys.changes import update_api_key
from accounts.web import workspace_page


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page
def key_page(request: Any, key_id: UUID) -> HttpResponse:
    """What a key may, how it is used, and a form to change it; errors come back as 422."""
    request.actor.require("key.manage")
    key = get_object_or_404(queries.api_keys(request.actor), id=key_id)
    form = ApiKeyChangeForm(key, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            update_api_key(request.actor, key, form.changes())
        except InvalidValue as refused:
            form.refuse(refused)
        else:
            messages.success(request, "The key is changed.")
            return redirect("settings-key", key.pk)
    shown = {"key": key, "form": form, "spent": hooks.spent_by_keys([key.pk]).get(key.pk, 0)}
    status = 422 if form.errors else 200
    return render(request, "accounts/settings/key_page.html", shown, status=status)
