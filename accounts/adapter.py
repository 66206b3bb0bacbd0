"""Who may sign up (FLUX_SIGNUP), and that everyone who does gets a workspace."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from accounts.addresses import address_of
from accounts.models import User
from accounts.services import create_workspace


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's behaviour, with our rules on who may sign up."""

    def get_client_ip(self, request: HttpRequest) -> str:
        """As everywhere: behind proxies of FLUX_TRUSTED_PROXIES too."""
        return address_of(request)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        # The first person comes by the set-up link: a stranger who is faster would shut it.
        return bool(settings.FLUX_SIGNUP == "open" and User.objects.exists())

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        with transaction.atomic():
            saved: User = super().save_user(request, user, form, commit=commit)
            if commit:
                create_workspace(saved, name=saved.default_workspace_name)
        return saved
