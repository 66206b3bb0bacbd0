"""Providers that people may sign in with, read from the environment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SignInProvider:
    """One of them; without a client id and a secret it is not offered."""

    key: str
    name: str
    client_id: str
    secret: str
    #: Where it says what it is, of OpenID Connect; empty: GitHub, which is none.
    server_url: str = ""

    @property
    def is_configured(self) -> bool:
        return bool(self.client_id and self.secret and (self.server_url or self.key == "github"))


def providers_of(read: Callable[..., str]) -> tuple[SignInProvider, ...]:
    """All that there are, configured or not; `read` is `env.str`."""

    def given(name: str, default: str = "") -> str:
        return read(name, default=default).strip()

    return (
        SignInProvider(
            "google",
            "Google",
            given("FLUX_GOOGLE_CLIENT_ID"),
            given("FLUX_GOOGLE_CLIENT_SECRET"),
            "https://accounts.google.com",
        ),
        SignInProvider(
            "github", "GitHub", given("FLUX_GITHUB_CLIENT_ID"), given("FLUX_GITHUB_CLIENT_SECRET")
        ),
        SignInProvider(
            "sso",
            given("FLUX_OIDC_NAME", "single sign-on"),
            given("FLUX_OIDC_CLIENT_ID"),
            given("FLUX_OIDC_CLIENT_SECRET"),
            given("FLUX_OIDC_URL").rstrip("/"),
        ),
    )


def configured(providers: tuple[SignInProvider, ...]) -> Mapping[str, Any]:
    """Those that are, as allauth wants them."""
    ready = [provider for provider in providers if provider.is_configured]
    found: dict[str, Any] = {
        "oidc": {"APPS": [_app(provider) for provider in ready if provider.server_url]},
        "github": {
            "APPS": [_app(provider) for provider in ready if not provider.server_url],
            "SCOPE": ["user:email"],
            "OAUTH_PKCE_ENABLED": True,
        },
    }
    return found


def _app(provider: SignInProvider) -> dict[str, Any]:
    app: dict[str, Any] = {
        "name": provider.name,
        "client_id": provider.client_id,
        "secret": provider.secret,
    }
    if provider.server_url:
        app |= {"provider_id": provider.key, "settings": {"server_url": provider.server_url}}
    return app
