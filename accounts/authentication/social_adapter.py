"""Sign-in with other people's accounts: whose word counts, and who may come in by it."""

from typing import Any

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.db import transaction
from django.http import Http404, HttpRequest

from accounts.authentication.adapter import settle
from accounts.authentication.again import prove_again
from accounts.authentication.claims import end_claims, owner_of, signed_in_by
from accounts.authentication.oidc.provider import Provider
from accounts.authentication.sign_ins import record_refusal
from accounts.authentication.unverified import open_or_refuse
from accounts.limits import failed, too_many
from accounts.members.joining import may_sign_up, remembered
from accounts.models import User


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """allauth's behaviour; providers are those of the environment, and every try is counted."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> Any:
        """Those of the settings. A row in the database would be a door that nobody sees."""
        found = super().list_apps(request, provider=provider, client_id=client_id)
        return [app for app in found if app.pk is None]

    def get_provider(self, request: HttpRequest, provider: Any, client_id: Any = None) -> Any:
        """404 for one that is not offered; but what was connected to it can be disconnected."""
        try:
            return super().get_provider(request, provider, client_id)
        except SocialApp.DoesNotExist:
            match = request.resolver_match
            if match is None or match.url_name != "socialaccount_connections":
                raise Http404("Nobody signs in with that here.") from None
            gone = SocialApp(provider=Provider.id, provider_id=provider, name=provider)
            return Provider(request, app=gone)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """An invitation lets in its own address; where none is told, the form asks for it."""
        told = [address.email for address in sociallogin.email_addresses]
        return may_sign_up(request, told[0] if told else None)

    def authenticate_by_email(self, sociallogin: Any) -> tuple[User, str] | None:
        """The account that verified the address; allauth would take one that typed it, too."""
        for email in self._proven(sociallogin):
            if (owner := owner_of(email)) is not None:
                return owner, email
        return None

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Who signs in once more stays signed in; who is new is let in, or told why not."""
        process = sociallogin.state.get("process")
        if process == AuthProcess.REDIRECT:
            prove_again(request, sociallogin)
        elif process != AuthProcess.CONNECT and not sociallogin.is_existing:
            self._receive(request, sociallogin)

    def _receive(self, request: HttpRequest, sociallogin: Any) -> None:
        """A proven address is not held up by who only claims it."""
        _keep_invited(request, sociallogin)
        proven = self._proven(sociallogin)
        for email in proven:
            if (holder := signed_in_by(email)) is not None:
                open_or_refuse(request, sociallogin, email, holder)
                return
        if self.is_open_for_signup(request, sociallogin):
            for email in proven:
                end_claims(email)

    def _proven(self, sociallogin: Any) -> list[str]:
        """Addresses that the provider calls verified."""
        told = [address.email for address in sociallogin.email_addresses if address.verified]
        return [email for email in told if self.can_authenticate_by_email(sociallogin, email)]

    def generate_state_param(self, state: dict[str, Any]) -> str:
        # Asked for once by every sign-in that begins.
        self._count()
        return str(super().generate_state_param(state))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Any = None,
        extra_context: Any = None,
    ) -> None:
        self._count()
        record_refusal(by=provider.sub_id, reason=str(exception or error or "")[:300])

    def _count(self) -> None:
        if wait := failed("provider", self.request.META):
            raise ImmediateHttpResponse(too_many(self.request, wait))

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.email = user.email.lower()
        user.name = " ".join(str(data.get("name") or "").replace("\x00", "").split())[:120]
        return user

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        with transaction.atomic():
            user: User = super().save_user(request, sociallogin, form)
            if form is None:
                # With a form it is the other adapter that keeps them.
                settle(request, user)
        return user

    def get_requests_session(self) -> requests.Session:
        session: requests.Session = super().get_requests_session()
        session.max_redirects = 3
        return session


def _keep_invited(request: HttpRequest, sociallogin: Any) -> None:
    """Of several addresses the invited one signs up; without it, the form asks for it."""
    if remembered(request) is None:
        return
    told = sociallogin.email_addresses
    kept = [address for address in told if may_sign_up(request, address.email)]
    if len(kept) < len(told):
        sociallogin.email_addresses = kept
        sociallogin.user.email = kept[0].email if kept else ""
