"""Addresses of sign-in by OpenID Connect; allauth includes them by itself."""

from django.urls import path

from accounts.authentication.oidc import views

urlpatterns = [
    path("oidc/<slug:provider_id>/login/", views.login, name="oidc_login"),
    path("oidc/<slug:provider_id>/login/callback/", views.callback, name="oidc_callback"),
]
