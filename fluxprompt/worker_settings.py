"""The settings of a worker: without pages, admin and REST API it is back a second sooner."""

from fluxprompt.settings import *  # noqa: F403

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "accounts",
    "flows",
    "billing",
    "execution",
    "execution.files",
    "execution.memories",
    "execution.knowledge",
]
