"""One-time links by which a person sets a new password, where no mail brings them one."""

from allauth.account import app_settings
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.authentication.sign_ins import record_about
from accounts.models import User


def reset_link(user: User, *, by: str) -> str:
    """The whole address, as the mail would have it; `by` is who asked, for the audit trail.

    It works once, and for PASSWORD_RESET_TIMEOUT: the token dies with the password it was made for.
    """
    token = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    with transaction.atomic():
        record_about(user, "password.reset_link", by=by)
    path = reverse("account_reset_password_from_key", args=[user_pk_to_url_str(user), token])
    return settings.FLUX_PUBLIC_URL.rstrip("/") + path
