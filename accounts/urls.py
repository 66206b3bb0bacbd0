"""Pages of the accounts app."""

from django.urls import URLPattern, path

from accounts.views.setup import setup

urlpatterns: list[URLPattern] = [
    path("setup/<str:token>/", setup, name="setup"),
]
