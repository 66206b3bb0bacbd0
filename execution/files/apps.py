"""The files app."""

from django.apps import AppConfig
from django.core.checks import register


class FilesConfig(AppConfig):
    name = "execution.files"
    label = "files"

    def ready(self) -> None:
        from execution.files.checks import settings_are_usable

        register(settings_are_usable)
