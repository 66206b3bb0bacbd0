"""The billing app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from accounts.hooks import on_plan_changed
        from billing import key_budgets as _  # noqa: F401  (tells what keys spent)
        from billing.credits import free_this_month
        from billing.setting_problems import unused_settings
        from flows.hooks import finds_problems

        finds_problems(unused_settings)
        on_plan_changed(free_this_month)
