"""Puts our own admin site in the place of Django's."""

from django.contrib.admin.apps import AdminConfig


class OperatorsConfig(AdminConfig):  # type: ignore[misc]
    """`admin.site` is the OperatorSite for every app."""

    default_site = "fluxprompt.operator_site.OperatorSite"
