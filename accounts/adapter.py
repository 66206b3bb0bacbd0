"""Who may sign up (FLUX_SIGNUP), and that everyone who does gets a workspace."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from accounts.addresses import client_address
from accounts.joining import join_remembered, may_sign_up, remembered
from accounts.models import User
from accounts.services import create_workspace
from accounts.sessions import end_sessions

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

    def clean_email(self, email: str) -> str:
        """An invitation opens the door for its own address only."""
        cleaned = str(super().clean_email(email))
        request = context.request
        if request is not None and not request.user.is_authenticated:
            invitation = remembered(request)
            if not may_sign_up(request, cleaned) and invitation is not None:
                raise ValidationError(
                    f"Your invitation is for {invitation.email}. Sign up with that address."
                )
        return cleaned

    def set_password(self, user: User, password: str) -> None:
        """Who may have had the old one is out, wherever they are signed in."""
        with transaction.atomic():
            super().set_password(user, password)
            _ends_other_sessions(user)

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user.name = " ".join(form.cleaned_data.get("name", "").replace("\x00", "").split())
        with transaction.atomic():
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
