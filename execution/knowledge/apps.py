"""The knowledge app."""

from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    name = "execution.knowledge"
    label = "knowledge"
    verbose_name = "Knowledge"
