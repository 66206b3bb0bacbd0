"""REST addresses of the flows app, below /api/v1/."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
