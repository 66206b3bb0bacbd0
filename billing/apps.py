"""The billing app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing import key_budgets as _  # noqa: F401  (tells what keys spent)
        from billing.setting_problems import unused_settings
        from flows.hooks import finds_problems

        finds_problems(unused_settings)
