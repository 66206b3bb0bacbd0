"""The accounts app."""

from django.apps import AppConfig, apps
from django.core import checks


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts.checks import settings_are_usable

        checks.register(settings_are_usable)
        # A worker does without pages, and so without sign-ins.
        if apps.is_installed("allauth.account"):
            from accounts.authentication import sign_ins

            sign_ins.listen()
