"""The app of memories."""

from django.apps import AppConfig


class MemoriesConfig(AppConfig):
    name = "execution.memories"
    label = "memories"
