"""Who typed an address and never verified it, and who comes with a provider that has."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.authentication.vouching import vouch_for
from accounts.members.invitations import invite
from accounts.models import AuditEvent, Invitation, Role, User, Workspace
from accounts.people.departing import delete_person
from accounts.permissions import Actor, member_actor
from accounts.services import create_api_key
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
    # By the id of the account: its address would stay when it is deleted.
    assert (refused.target_id, refused.user, refused.actor) == (str(owner.pk), None, "nobody")
    assert refused.details["reason"] == "their address is not verified"
    # As the sentence says, who knows the password connects it.
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get(provider.consent(leave(client, process="connect")))
    assert SocialAccount.objects.get().user == owner


@pytest.fixture
def mailing(settings: Settings) -> None:
    """As where a mail server is set: an address is verified before it lets anybody in."""
    settings.FLUX_MAIL_REACHES_PEOPLE = True
    settings.FLUX_EMAIL_VERIFICATION = settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


@pytest.mark.usefixtures("mailing", "open_door", "owner")
@pytest.mark.parametrize("connected", [False, True])
def test_s11_an_account_that_never_let_anybody_in_goes_to_the_owner_of_its_address(
    client: Client, provider: IdentityProvider, connected: bool
) -> None:
    stranger = Client()
    _sign_up(stranger, VICTIM)
    made = User.objects.get(email=VICTIM)
    if connected:
        # As by a provider that does not prove what it says of addresses.
        SocialAccount.objects.create(user=made, provider="github", uid="of a stranger")
    there = sign_in(client, provider)["Location"]
    assert (there, who(client), User.objects.count()) == ("/", str(made.pk), 2)
    assert "password that was chosen for it does not count" in client.get("/you/").content.decode()
    made.refresh_from_db()
    assert (made.name, made.has_usable_password()) == ("Grace Hopper", False)
    assert EmailAddress.objects.get(email=VICTIM).verified
    assert (SocialAccount.objects.get().user, SocialAccount.objects.get().provider) == (made, "sso")
    assert AuditEvent.objects.get(action="email.verify").details["with"] == "sso"
    # Whoever signed up gets nothing, neither by the password nor by the sign-up they had begun.
    stranger.get("/accounts/confirm-email/")
    stranger.post("/accounts/login/", {"login": VICTIM, "password": PASSWORD})
    assert who(stranger) == ""


def _follow_mail(client: Client) -> None:
    found = re.search(r"https?://\S+", str(mail.outbox[0].body))
    assert found is not None
    client.post(urlsplit(found[0]).path)


def _has_signed_in(user: User) -> None:
    User.objects.filter(pk=user.pk).update(last_login=timezone.now())


def _is_an_operator(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=True)


def _has_a_key(user: User) -> None:
    (workspace,) = user.workspaces.all()
    found = member_actor(user, workspace)
    assert found is not None
    create_api_key(found, name="ci")


@pytest.mark.usefixtures("mailing", "open_door", "workspace")
@pytest.mark.parametrize("used", [_has_signed_in, _is_an_operator, _has_a_key])
def test_s11_who_owns_the_address_of_an_account_that_was_used_is_led_into_it_by_nothing(
    client: Client,
    provider: IdentityProvider,
    owner: User,
    used: Callable[[User], None],
) -> None:
    EmailAddress.objects.create(user=owner, email=owner.email, primary=True)
    used(owner)
    provider.person["email"] = owner.email
    told = client.get(sign_in(client, provider)["Location"]).content.decode()
    assert "Sign in to it as you did before" in told
    # A link to verify it would let them verify what may be somebody else's account.
    assert mail.outbox == []
    assert (who(client), SocialAccount.objects.count()) == ("", 0)
    # Whose it is knows the password, and gets the mail.
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    _follow_mail(client)
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    assert who(client) == str(owner.pk)


@pytest.fixture
def claimed(client: Client, owner: User) -> str:
    """An address that Ada added to hers, with which a stranger signs up meanwhile."""
    vouch_for(owner)
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post("/accounts/email/", {"email": VICTIM, "action_add": ""})
    _sign_up(Client(), VICTIM)
    assert User.objects.filter(email=VICTIM).exists()
    return VICTIM


@pytest.mark.usefixtures("mailing", "open_door")
def test_who_verified_an_address_signs_in_with_it_though_a_strangers_account_waits_for_it(
    client: Client, owner: User, claimed: str
) -> None:
    _follow_mail(client)
    assert User.objects.count() == 1
    client.post("/accounts/email/", {"email": claimed, "action_primary": ""})
    owner.refresh_from_db()
    assert owner.email == claimed
    assert EmailAddress.objects.get(user=owner, primary=True).email == claimed


@pytest.mark.usefixtures("mailing", "open_door")
def test_an_address_that_another_account_uses_becomes_nobodys_first_by_half(
    client: Client, owner: User, claimed: str
) -> None:
    _has_signed_in(User.objects.get(email=claimed))
    _follow_mail(client)
    client.post("/accounts/email/", {"email": claimed, "action_primary": ""})
    page = client.get("/accounts/email/").content.decode()
    assert f"Another account signs in with {claimed}" in page
    owner.refresh_from_db()
    assert EmailAddress.objects.get(user=owner, primary=True).email == owner.email != claimed


@pytest.mark.usefixtures("mailing", "open_door", "provider")
def test_who_waits_for_an_address_takes_nothing_of_it_along_when_they_are_deleted(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.members.invitations._mailed", lambda *told: True)
    invite(actor, email=VICTIM, role=Role.BUILDER)
    _sign_up(Client(), VICTIM)
    delete_person(User.objects.get(email=VICTIM))
    assert Invitation.objects.filter(email=VICTIM).exists()
    assert AuditEvent.objects.filter(details__email=VICTIM).exists()


@pytest.mark.usefixtures("mailing", "squatter", "provider")
@pytest.mark.parametrize("mailed", [True, False])
def test_a_claim_keeps_nobody_from_signing_up_with_a_password(
    client: Client,
    actor: Actor,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    mailed: bool,
) -> None:
    settings.FLUX_SIGNUP = "invitation" if mailed else "open"
    if mailed:
        _invited(client, actor, monkeypatch, mailed=True, email=VICTIM)
    _sign_up(client, VICTIM)
    grace = User.objects.get(email=VICTIM)
    assert EmailAddress.objects.get(user=grace).verified is mailed
    assert who(client) == (str(grace.pk) if mailed else "")
    if not mailed:
        _follow_mail(client)
    assert EmailAddress.objects.get(verified=True, email=VICTIM).user == grace
    # Another one is told as everybody is who has an account.
    _sign_up(Client(), VICTIM)
    assert User.objects.filter(email=VICTIM).count() == 1


def _invited(
    client: Client,
    actor: Actor,
    monkeypatch: pytest.MonkeyPatch,
    mailed: bool,
    email: str = "work@example.com",
) -> None:
    monkeypatch.setattr("accounts.members.invitations._mailed", lambda *told: mailed)
    made = invite(actor, email=email, role=Role.BUILDER)
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
