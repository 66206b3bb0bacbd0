"""The way to an OpenID Connect provider and back."""

from typing import Any

from allauth.account.internal.decorators import login_not_required
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from accounts.authentication.oidc.tokens import TokenRefused, identity

#: Seconds for which what a provider says of itself is kept.
KNOWN_FOR = 600


class Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """allauth's, with what OpenID Connect Core asks of a client checked."""

    #: What the sign-in of this browser was begun with.
    nonce: str | None = None

    @property
    def openid_config(self) -> Any:
        """What the provider says of itself; asked for once in ten minutes."""
        address = self.get_provider().server_url
        key = f"flux-oidc:{address}"
        found = cache.get(key)
        if found is None:
            found = _fetched(address)
            if not isinstance(found, dict):
                raise OAuth2Error("The provider's configuration is no object.")
            cache.set(key, found, KNOWN_FOR)
        return found

    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> Any:
        try:
            claims = identity(
                kwargs["response"].get("id_token"),
                keys=_fetched(self.openid_config["jwks_uri"]),
                issuer=self.openid_config["issuer"],
                client_id=app.client_id,
                nonce=self.nonce,
            )
            told = {"id_token": claims, "userinfo": self._more(claims, token)}
        except (KeyError, TypeError, AttributeError, TokenRefused) as refused:
            raise OAuth2Error(str(refused)) from refused
        return self.get_provider().sociallogin_from_response(request, told)

    def _more(self, claims: dict[str, Any], token: SocialToken) -> dict[str, Any]:
        """What else the provider tells of the same person (§5.3.2), where it tells more."""
        if "userinfo_endpoint" not in self.openid_config:
            return claims
        more = self._fetch_user_info(token.token)
        if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
            raise TokenRefused("The provider tells of somebody else than the ID token.")
        return more

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        # It is asked with once and not stored: when it expires, or how to renew it, is all one.
        return SocialToken(token=str(data["access_token"]))

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return str(request.build_absolute_uri(reverse("oidc_callback", args=[self.provider_id])))


def _fetched(address: str) -> Any:
    with get_adapter().get_requests_session() as session:
        answer = session.get(address)
        answer.raise_for_status()
        return answer.json()


class CallbackView(OAuth2CallbackView):  # type: ignore[misc]
    """Hands the adapter the nonce that lies with the state."""

    def _get_state(self, request: HttpRequest, provider: Any) -> Any:
        state, response = super()._get_state(request, provider)
        self.adapter.nonce = state.get("nonce") if state else None
        return state, response


@login_not_required
def login(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """To the provider."""
    answer: HttpResponseBase = OAuth2LoginView.adapter_view(Adapter(request, provider_id))(request)
    return answer


@login_not_required
def callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Back from the provider."""
    answer: HttpResponseBase = CallbackView.adapter_view(Adapter(request, provider_id))(request)
    return answer
