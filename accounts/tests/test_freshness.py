"""Who has nothing to be asked for signs in once more before they change who gets in."""

from urllib.parse import urlencode

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from django.test import Client
from pytest_django import Settings

from accounts.authentication.vouching import vouch_for
from accounts.models import AuditEvent, Membership, Role, User, Workspace
from accounts.services import create_workspace
from accounts.tests.by_provider import sign_in, who
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
    page = by_provider.get(asked["Location"]).content.decode()
    assert "Sign in with Acme" in page
    assert 'name="process" value="redirect"' in page
    assert not User.objects.get(email="ada@example.com").has_usable_password()
    # A new sign-in leads back, and then it goes on.
    back = sign_in(by_provider, provider, process="redirect", next=address)
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
    sign_in(by_provider, provider, process="redirect")
    by_provider.post(page, {"member": heir.pk})
    heir.refresh_from_db()
    assert heir.role == Role.OWNER


def test_who_signs_in_once_more_stays_in_the_workspace_that_they_chose(
    by_provider: Client, provider: IdentityProvider, owner: User
) -> None:
    second = create_workspace(owner, name="Second")
    by_provider.post("/settings/switch/", {"workspace": str(second.id)})
    page = "/settings/workspace/transfer/"
    asked = by_provider.post(page, {"member": "1"})
    by_provider.get(asked["Location"])
    sign_in(by_provider, provider, process="redirect", next=page)
    assert f"Hand over {second.name}" in by_provider.get(page).content.decode()
    # What was sent before is forgotten: no later proof sends it.
    assert "account_reauthentication_state" not in by_provider.session


@pytest.mark.usefixtures("open_door")
@pytest.mark.parametrize("known", [True, False])
def test_s15_somebody_else_at_the_provider_neither_proves_anything_nor_gets_in(
    by_provider: Client, provider: IdentityProvider, owner: User, known: bool
) -> None:
    provider.person = {"sub": "another", "email": "g@example.com", "email_verified": True}
    if known:
        vouch_for(User.objects.create_user("g@example.com", PASSWORD))
    people = User.objects.count()
    page = "/settings/workspace/transfer/"
    back = sign_in(by_provider, provider, process="redirect", next=page)
    assert back["Location"] == f"/you/again/?{urlencode({'next': page})}"
    told = by_provider.get(back["Location"]).content.decode()
    assert "is not one by which you, ada@example.com, sign in here" in told
    assert (who(by_provider), User.objects.count()) == (str(owner.pk), people)
    assert by_provider.get(page)["Location"].startswith("/you/again/")
    refused = AuditEvent.objects.get(action="sign_in.refused")
    assert (refused.actor, refused.target_id) == ("nobody", str(owner.pk))


def test_a_provider_proves_nothing_for_who_can_be_asked_for_a_password(
    by_provider: Client, provider: IdentityProvider, owner: User
) -> None:
    owner.set_password(PASSWORD)
    owner.save()
    by_provider.force_login(owner)
    page = "/settings/workspace/transfer/"
    assert sign_in(by_provider, provider, process="redirect", next=page)["Location"] == page
    assert by_provider.get(page)["Location"].startswith("/accounts/reauthenticate/")


def test_the_page_to_sign_in_once_more_leads_to_no_other_site(by_provider: Client) -> None:
    page = by_provider.get("/you/again/?next=https://evil.example/").content.decode()
    assert "evil.example" not in page
    assert by_provider.get("/accounts/reauthenticate/")["Location"] == "/you/again/"
