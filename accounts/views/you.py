"""*You*: a person's own account, whatever workspace they are in, and in none."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.authentication.connections import connections_of
from accounts.authentication.sessions import end_sessions, sessions_of
from accounts.authentication.sign_ins import record_about
from accounts.errors import InvalidValue
from accounts.forms import ServiceForm
from accounts.models import Membership, User
from accounts.people.profile import LONGEST_NAME, rename_person


class NameForm(ServiceForm):
    """How somebody is called."""

    name = forms.CharField(
        label="Your name",
        max_length=LONGEST_NAME,
        required=False,
        help_text="As others see you. Left empty, they see your e-mail address.",
        widget=forms.TextInput({"autocomplete": "name"}),
    )


@require_GET
def you(request: Any) -> HttpResponse:
    """All of it on one page; what takes more has a page of its own."""
    return _page(request, NameForm(initial={"name": request.user.name}))


@require_POST
def change_name(request: Any) -> HttpResponse:
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            rename_person(request.user, form.cleaned_data["name"])
        except InvalidValue as refused:
            form.refuse(refused)
        else:
            messages.success(request, "Your name is changed.")
            return redirect("you")
    return _page(request, form, status=422)


@require_POST
def sign_out_elsewhere(request: Any) -> HttpResponse:
    """Of one other session, where it is named, or of all."""
    named = request.POST.get("session", "")
    only = int(named) if named.isascii() and named.isdecimal() and len(named) < 19 else None
    if named and only is None:
        return redirect("you")
    ended = end_sessions(request.user, keep=request.session.session_key, only=only)
    if ended:
        record_about(request.user, "sign_out.elsewhere", sessions=ended)
    words = "One session was" if ended == 1 else f"{ended} sessions were"
    messages.success(request, f"{words} signed out.")
    return redirect("you")


def _page(request: Any, form: NameForm, status: int = 200) -> HttpResponse:
    return render(
        request, "accounts/you/page.html", {"form": form, **_shown(request)}, status=status
    )


def _shown(request: Any) -> dict[str, Any]:
    user: User = request.user
    factors = list(Authenticator.objects.filter(user=user))
    memberships = Membership.objects.filter(user=user).select_related("workspace")
    return {
        "addresses": EmailAddress.objects.filter(user=user).order_by("-primary", "email"),
        "has_password": user.has_usable_password(),
        "has_app": any(factor.type == Authenticator.Type.TOTP for factor in factors),
        "passkeys": sum(factor.type == Authenticator.Type.WEBAUTHN for factor in factors),
        "has_factor": bool(factors),
        "connections": connections_of(user),
        "sessions": sessions_of(user, request.session.session_key),
        "memberships": memberships.order_by("created_at"),
    }
