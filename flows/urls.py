"""Pages of the flows app."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
