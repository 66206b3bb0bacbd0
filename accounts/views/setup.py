"""The page behind the one-time set-up link."""

from allauth.usersessions.models import UserSession
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.authentication.setup import SetupLinkDead, is_open, use_setup_link
from accounts.forms import SetupForm
from accounts.limits import counts_failures


@login_not_required
@counts_failures("setup_link", 404, 410)
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest, token: str) -> HttpResponse:
    """Make the first operator, sign them in, and go to the flows. Public; the token is the gate."""
    if not is_open(token):
        return _dead(request)
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = use_setup_link(token, **form.cleaned_data)
        except SetupLinkDead:
            return _dead(request)
        login(request, user)
        UserSession.objects.create_from_request(request)
        return redirect("/")
    return render(
        request, "accounts/setup.html", {"form": form}, status=422 if form.is_bound else 200
    )


def _dead(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/setup_dead.html", status=404)
