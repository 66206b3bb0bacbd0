"""One's own data as a file, and the end of one's account."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.authentication.freshness import signed_in_lately
from accounts.authentication.sign_ins import record_about
from accounts.errors import DeletionRefused
from accounts.forms import ServiceForm
from accounts.limits import SAID_OF_PERSON, counted, failed, too_many
from accounts.models import User
from accounts.people.departing import delete_person, departure_of
from accounts.people.own_data import export_own_data

WRONG = "This is not your password."


class DeletionForm(ServiceForm):
    """The password once more, from who has one, and that it is meant."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )
    sure = forms.BooleanField(
        label="Delete my account for ever",
        error_messages={"required": "Tick this to delete the account."},
    )

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        self.user = user
        if not user.has_usable_password():
            del self.fields["password"]

    def clean_password(self) -> str:
        given = str(self.cleaned_data["password"])
        if not self.user.check_password(given):
            raise forms.ValidationError(WRONG, "wrong")
        return given


@require_POST
def export(request: Any) -> HttpResponseBase:
    """A zip of what is stored of them."""
    if wait := failed("own_data", request.META):
        return too_many(request, wait)
    made = export_own_data(request.user, request.session.session_key)
    name = f"fluxprompt-{timezone.now():%Y-%m-%d}.zip"
    answer = FileResponse(made, as_attachment=True, filename=name, content_type="application/zip")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def delete(request: Any) -> HttpResponseBase:
    """What would end, what stays and what stands in the way; then the end."""
    user: User = request.user
    # Counted before it is looked at: else many tries at once would all pass.
    if "password" in request.POST and (wait := counted("own_password", f"person-{user.pk}")):
        if not counted("own_password_told", f"person-{user.pk}"):
            record_about(user, "password.refused", by=None, reason="too many tries")
        return too_many(request, wait, SAID_OF_PERSON)
    form = DeletionForm(user, request.POST or None)
    if request.method == "POST" and _is_fresh(request, user):
        if form.is_valid():
            try:
                delete_person(user)
            except DeletionRefused as refused:
                form.add_error(None, refused.message)
            else:
                return _gone(request)
        elif form.has_error("password", "wrong"):
            record_about(user, "password.refused", by=None)
    return render(
        request,
        "accounts/you/delete.html",
        {
            "form": form,
            "departure": departure_of(user),
            "is_fresh": _is_fresh(request, user),
        },
        status=422 if request.method == "POST" else 200,
    )


def _is_fresh(request: Any, user: User) -> bool:
    """Whether they are known to be there now: by the password that is asked, or a new sign-in."""
    return user.has_usable_password() or signed_in_lately(request)


def _gone(request: Any) -> HttpResponse:
    # Nobody signs out: whoever it was is not there any more.
    request.user = AnonymousUser()
    logout(request)
    messages.success(request, "Your account is deleted.")
    return redirect("account_login")
