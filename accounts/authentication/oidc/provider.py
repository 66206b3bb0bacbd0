"""OpenID Connect as a provider of allauth: Google's and the one of FLUX_OIDC_URL."""

import hashlib
import secrets
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import (
    OpenIDConnectProvider,
    OpenIDConnectProviderAccount,
)
from django.http import HttpRequest, HttpResponse
from requests import RequestException

from accounts.authentication.oidc.views import Adapter

#: What is kept of what a provider tells.
KEPT = ("name", "email")


class Provider(OpenIDConnectProvider):  # type: ignore[misc]
    """With a nonce, and nothing that a link could ask of the provider in somebody's name."""

    id = "oidc"
    name = "OpenID Connect"
    account_class = OpenIDConnectProviderAccount
    oauth2_adapter_class = Adapter
    pkce_enabled_default = True
    supports_token_authentication = False

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        return list(self.get_scope())

    def get_auth_params_from_request(self, request: HttpRequest, action: Any) -> dict[str, Any]:
        return dict(self.get_auth_params())

    def redirect(
        self,
        request: HttpRequest,
        process: Any,
        next_url: Any = None,
        data: Any = None,
        **kwargs: Any,
    ) -> HttpResponse:
        nonce = secrets.token_urlsafe(24)
        kwargs["auth_params"] = {**(kwargs.get("auth_params") or {}), "nonce": nonce}
        try:
            answer: HttpResponse = super().redirect(
                request, process, next_url, data, nonce=nonce, **kwargs
            )
        except (RequestException, OAuth2Error, KeyError, TypeError, ValueError) as silent:
            answer = render_authentication_error(request, self, exception=silent)
        return answer

    def extract_uid(self, data: dict[str, Any]) -> str:
        # Of the issuer too: behind another address the same number is somebody else.
        claims = data["id_token"]
        return hashlib.sha256(f"{claims['iss']}\n{claims['sub']}".encode()).hexdigest()

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        told = data["userinfo"]
        return {name: str(told[name])[:254] for name in KEPT if isinstance(told.get(name), str)}

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        told = data["userinfo"]
        return {name: told[name] for name in KEPT if isinstance(told.get(name), str)}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        """The address; verified where the provider says so in as many words ("false" is true)."""
        told = data["userinfo"]
        email = told.get("email")
        if not isinstance(email, str):
            return []
        said = told.get("email_verified")
        return [EmailAddress(email=email, verified=said is True or said == "true", primary=True)]


provider_classes = [Provider]
