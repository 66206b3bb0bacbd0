"""Who may sign up (FLUX_SIGNUP), and that everyone who does gets a workspace."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest

from accounts.addresses import address_of
from accounts.models import User
from accounts.services import create_workspace
from accounts.signing_up import is_open_to_all


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's behaviour, with our rules on who may sign up."""

    def get_client_ip(self, request: HttpRequest) -> str:
        """As everywhere: behind proxies of FLUX_TRUSTED_PROXIES too."""
        return address_of(request)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return is_open_to_all()

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user.name = " ".join(form.cleaned_data.get("name", "").replace("\x00", "").split())
        with transaction.atomic():
            saved: User = super().save_user(request, user, form, commit=commit)
            if commit:
                settle(saved)
        return saved


def settle(user: User) -> None:
    """What everyone has who signed up: a workspace of their own."""
    create_workspace(user, name=user.default_workspace_name)
