"""Liveness and readiness."""

from django.urls import URLPattern, path

from fluxprompt.health import healthz, readyz

urlpatterns: list[URLPattern] = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
