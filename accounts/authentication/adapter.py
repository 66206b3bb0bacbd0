"""Who may sign up (FLUX_SIGNUP), and that everyone who does gets a workspace."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from accounts.addresses import client_address
from accounts.authentication.claims import end_claims, end_unused
from accounts.authentication.freshness import signed_in_lately
from accounts.authentication.sessions import end_sessions
from accounts.members.joining import is_proven, join_remembered, may_sign_up
from accounts.models import User
from accounts.services import create_workspace

logger = logging.getLogger(__name__)
NOT_SENT = "The mail server did not take the mail. Try again in a few minutes, or tell an operator."


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's behaviour, with our rules on who may sign up."""

    def get_client_ip(self, request: HttpRequest) -> str:
        """As everywhere: behind proxies of FLUX_TRUSTED_PROXIES too."""
        return client_address(request.META)

    def is_safe_url(self, url: str) -> bool:
        """What is no address at all leads nowhere either."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that is away undoes nothing; who waits for a mail is told."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:  # smtplib's errors among them
            logger.warning("A mail (%s) was not sent: %s", template_prefix, error)
            if self.request is not None:
                messages.error(self.request, NOT_SENT)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return may_sign_up(request)

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """Whose invitation was mailed to exactly this address reads its mail."""
        return is_proven(request, email)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Who has no password and no factor signs in once more; allauth would ask them nothing."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if methods or not user.is_authenticated:
            return methods
        words = "Sign in once more"
        return [{"id": "sign_in", "description": words, "url": reverse("you-again")}]

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """As allauth says; but of who cannot be asked for anything a fresh sign-in is wanted.

        It raises by itself there: allauth takes whoever it cannot ask for asked.
        """
        request = context.request
        if self.cannot_be_asked(request.user) and not signed_in_lately(request):
            raise ReauthenticationRequired
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def cannot_be_asked(self, user: Any) -> bool:
        """Whether they have neither a password nor a factor by which they could prove it."""
        return not super().get_reauthentication_methods(user)

    def set_password(self, user: User, password: str) -> None:
        """Who may have had the old one is out, wherever they are signed in."""
        with transaction.atomic():
            super().set_password(user, password)
            _ends_other_sessions(user)

    def confirm_email(self, request: HttpRequest, email_address: Any) -> bool:
        """Who follows the link that was mailed owns the address; no account waits for it then."""
        with transaction.atomic():
            end_unused(email_address.email, owner=email_address.user)
            return bool(super().confirm_email(request, email_address))

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user.name = " ".join(form.cleaned_data.get("name", "").replace("\x00", "").split())
        email = form.cleaned_data.get("email", "")
        with transaction.atomic():
            if is_proven(request, email):
                # It would stay unverified beside the claim of somebody else.
                end_claims(email)
            saved: User = super().save_user(request, user, form, commit=commit)
            if commit:
                settle(request, saved)
        return saved


def settle(request: HttpRequest, user: User) -> None:
    """What everyone has who signed up: the workspace they were invited to, or one of their own."""
    if join_remembered(request, user) is None:
        create_workspace(user, name=user.default_workspace_name)


def _ends_other_sessions(user: User) -> None:
    request = context.request
    end_sessions(user, keep=request.session.session_key if request is not None else None)
