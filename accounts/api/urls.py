"""REST addresses of the accounts app, below /api/v1/."""

from django.urls import URLPattern, path

from accounts.api import schema  # noqa: F401  (registers itself for the OpenAPI document)
from accounts.api.views import MeView

urlpatterns: list[URLPattern] = [path("me", MeView.as_view(), name="api-me")]
