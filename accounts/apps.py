"""The accounts app."""

from django.apps import AppConfig
from django.core import checks


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import sign_ins
        from accounts.checks import settings_are_usable

        checks.register(settings_are_usable)
        sign_ins.listen()
