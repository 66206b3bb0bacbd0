"""Who typed an address and never verified it, and who comes with a provider that has."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from pytest_django import Settings

from accounts.authentication.verified import vouch_for
from accounts.members.invitations import invite
from accounts.models import AuditEvent, Invitation, Role, User, Workspace
from accounts.permissions import Actor
from accounts.tests.by_provider import leave, sign_in, who
from accounts.tests.conftest import PASSWORD
from tests.support.identity_provider import IdentityProvider

VICTIM = "grace@example.com"
pytestmark = pytest.mark.usefixtures("without_examples")


@pytest.fixture
def squatter(other_workspace: Workspace) -> User:
    """Eve, with an address of her own, a connected account, a passkey and a claim."""
    eve = other_workspace.members.get()
    vouch_for(eve)
    EmailAddress.objects.create(user=eve, email="eve.too@example.com", verified=True)
    SocialAccount.objects.create(user=eve, provider="sso", uid="of eve")
    Authenticator.objects.create(user=eve, type="webauthn", data={})
    EmailAddress.objects.create(user=eve, email=VICTIM)
    return eve


@pytest.mark.usefixtures("open_door")
@pytest.mark.parametrize("verification", ["mandatory", "none"])
def test_s11_who_comes_does_not_land_in_the_account_of_who_claimed_their_address(
    client: Client,
    provider: IdentityProvider,
    squatter: User,
    settings: Settings,
    verification: str,
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = verification
    assert sign_in(client, provider)["Location"] == "/"
    grace = User.objects.get(email=VICTIM)
    assert who(client) == str(grace.pk) != str(squatter.pk)
    assert EmailAddress.objects.get(email=VICTIM).user == grace
    assert SocialAccount.objects.get(user=grace).uid != "of eve"
    # Hers stays as it was, and her trail says what was taken.
    squatter.refresh_from_db()
    assert squatter.check_password(PASSWORD)
    assert SocialAccount.objects.filter(user=squatter).count() == 1
    addresses = EmailAddress.objects.filter(user=squatter).values_list("email", flat=True)
    assert set(addresses) == {"eve@example.com", "eve.too@example.com"}
    taken = AuditEvent.objects.get(action="email.remove")
    assert (taken.actor, taken.details["removed"]) == ("nobody", VICTIM)


@pytest.mark.parametrize("mode", ["closed", "invitation"])
def test_a_claim_stays_where_nobody_may_sign_up(
    client: Client, provider: IdentityProvider, squatter: User, settings: Settings, mode: str
) -> None:
    settings.FLUX_SIGNUP = mode
    assert "Sign-up is" in sign_in(client, provider).content.decode()
    assert (who(client), EmailAddress.objects.filter(email=VICTIM).count()) == ("", 1)


@pytest.mark.usefixtures("open_door")
@pytest.mark.parametrize("has_row", [True, False])
def test_s11_an_account_that_never_verified_its_address_is_opened_by_no_provider(
    client: Client, provider: IdentityProvider, owner: User, has_row: bool
) -> None:
    if has_row:
        EmailAddress.objects.create(user=owner, email=owner.email, primary=True)
    provider.person["email"] = owner.email
    told = client.get(sign_in(client, provider)["Location"]).content.decode()
    assert "which never verified that address" in told
    owner.refresh_from_db()
    assert (who(client), owner.check_password(PASSWORD)) == ("", True)
    assert not SocialAccount.objects.exists()
    assert User.objects.count() == 1
    refused = AuditEvent.objects.get(action="sign_in.refused")
    assert refused.details["reason"] == f"{owner.email} is not verified"
    # As the sentence says, who knows the password connects it.
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get(provider.consent(leave(client, process="connect")))
    assert SocialAccount.objects.get().user == owner


def _invited(client: Client, actor: Actor, monkeypatch: pytest.MonkeyPatch, mailed: bool) -> None:
    monkeypatch.setattr("accounts.members.invitations._mailed", lambda *told: mailed)
    made = invite(actor, email="work@example.com", role=Role.BUILDER)
    client.get("/invitations/" + made.link.split("/invitations/")[1])


def _sign_up(client: Client, email: str) -> Any:
    form = {"email": email, "password1": PASSWORD, "password2": PASSWORD}
    return client.post("/accounts/signup/", form)


@pytest.mark.usefixtures("open_door")
def test_an_invitation_verifies_its_own_address_and_not_the_one_that_signs_up(
    client: Client, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    _invited(client, actor, monkeypatch, mailed=True)
    _sign_up(client, "other@example.com")
    user = User.objects.exclude(email="ada@example.com").get()
    assert user.email == "other@example.com"
    rows = EmailAddress.objects.filter(user=user).values_list("email", "verified")
    assert list(rows) == [("other@example.com", False)]


@pytest.mark.usefixtures("open_door")
def test_an_invitation_gives_its_address_to_nobody_who_comes_by_a_provider(
    client: Client, provider: IdentityProvider, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    _invited(client, actor, monkeypatch, mailed=True)
    sign_in(client, provider)
    rows = EmailAddress.objects.exclude(user=actor.user_id).values_list("email", "verified")
    assert list(rows) == [(VICTIM, True)]


@pytest.mark.parametrize("mailed", [True, False])
def test_only_a_link_that_was_mailed_says_whose_its_address_is(
    client: Client, actor: Actor, monkeypatch: pytest.MonkeyPatch, mailed: bool
) -> None:
    _invited(client, actor, monkeypatch, mailed)
    # Renewed by mail meanwhile, which says nothing of the link that was opened.
    Invitation.objects.update(mailed=True)
    _sign_up(client, "work@example.com")
    assert EmailAddress.objects.get(email="work@example.com").verified == mailed


def test_who_opened_an_invitation_asks_for_a_reset_of_another_address(
    client: Client, actor: Actor, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.FLUX_MAIL_REACHES_PEOPLE = True
    settings.FLUX_SIGNUP = "invitation"
    _invited(client, actor, monkeypatch, mailed=False)
    answer = client.post("/accounts/password/reset/", {"email": "ada@example.com"})
    assert answer.status_code == 302
    refused = _sign_up(client, "ada@example.com").content.decode()
    assert "Your invitation is for work@example.com" in refused


@pytest.mark.parametrize("email", ["ada@example.com", "new@example.com"])
def test_an_invitation_for_another_address_keeps_nobody_out_of_their_account(
    client: Client,
    provider: IdentityProvider,
    actor: Actor,
    settings: Settings,
    email: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.FLUX_SIGNUP = "invitation"
    vouch_for(User.objects.get(email="ada@example.com"))
    _invited(client, actor, monkeypatch, mailed=False)
    provider.person["email"] = email
    there = sign_in(client, provider)["Location"]
    assert (who(client) != "") == (email == "ada@example.com")
    # Who is new is asked for the address that was invited.
    assert (there == "/accounts/3rdparty/signup/") == (email == "new@example.com")
