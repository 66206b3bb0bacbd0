"""Who has nothing to be asked for signs in once more before they change who gets in."""

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from django.test import Client
from pytest_django import Settings

from accounts.authentication.verified import vouch_for
from accounts.models import Membership, Role, User, Workspace
from accounts.tests.by_provider import sign_in
from accounts.tests.conftest import PASSWORD
from tests.support.identity_provider import IdentityProvider


@pytest.fixture
def by_provider(provider: IdentityProvider, owner: User, workspace: Workspace) -> Client:
    """The owner, who came by a provider and has no password, an hour after."""
    vouch_for(owner)
    owner.set_unusable_password()
    owner.save()
    provider.person["email"] = owner.email
    client = Client()
    sign_in(client, provider)
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY][-1]["at"] -= 3600
    session.save()
    return client


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("/settings/workspace/transfer/", {}),
        (
            "/accounts/password/set/",
            {"password1": "a staple battery", "password2": "a staple battery"},
        ),
        ("/accounts/2fa/webauthn/add/", {"name": "Mine"}),
        ("/accounts/2fa/totp/activate/", {"code": "1"}),
        ("/accounts/email/", {"email": "mine@example.com", "action_add": ""}),
    ],
)
def test_s15_a_session_alone_changes_nothing_for_who_cannot_be_asked_for_a_password(
    by_provider: Client,
    provider: IdentityProvider,
    settings: Settings,
    address: str,
    sent: dict[str, str],
) -> None:
    settings.FLUX_MAIL_REACHES_PEOPLE = True
    asked = by_provider.post(address, sent)
    assert asked["Location"].startswith("/you/again/?next=")
    assert "a staple battery" not in str(dict(by_provider.session))
    assert "Sign in with Acme" in by_provider.get(asked["Location"]).content.decode()
    assert not User.objects.get(email="ada@example.com").has_usable_password()
    # A new sign-in leads back, and then it goes on.
    back = sign_in(by_provider, provider, next=address)
    assert back["Location"] == address
    answer = by_provider.post(address, sent)
    assert not answer.headers.get("Location", "").startswith("/you/again/")


def test_who_signed_in_lately_hands_a_workspace_over(
    by_provider: Client, provider: IdentityProvider, workspace: Workspace
) -> None:
    heir = Membership.objects.create(
        workspace=workspace, user=User.objects.create_user("h@example.com", PASSWORD), role="admin"
    )
    page = "/settings/workspace/transfer/"
    by_provider.post(page, {"member": heir.pk})
    heir.refresh_from_db()
    assert heir.role == Role.ADMIN
    sign_in(by_provider, provider)
    by_provider.post(page, {"member": heir.pk})
    heir.refresh_from_db()
    assert heir.role == Role.OWNER


def test_the_page_to_sign_in_once_more_leads_to_no_other_site(by_provider: Client) -> None:
    page = by_provider.get("/you/again/?next=https://evil.example/").content.decode()
    assert "evil.example" not in page
    assert by_provider.get("/accounts/reauthenticate/")["Location"] == "/you/again/"
