"""Pages of the execution app."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
