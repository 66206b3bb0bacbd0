"""Sign-in with other people's accounts, against a scripted provider over a socket."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from pytest_django import Settings

from accounts.authentication.providers import SignInProvider
from accounts.authentication.sign_ins import record_refusal
from accounts.authentication.vouching import vouch_for
from accounts.checks import settings_are_usable
from accounts.members.invitations import invite
from accounts.models import AuditEvent, Membership, User, Workspace
from accounts.permissions import Actor
from accounts.tests.by_provider import BACK, BEGIN, leave, sign_in, who
from accounts.tests.conftest import PASSWORD
from tests.support.identity_provider import CLIENT_ID, IdentityProvider

pytestmark = pytest.mark.usefixtures("without_examples")


@pytest.mark.usefixtures("open_door")
def test_a_new_person_comes_in_with_a_workspace_and_their_name(
    client: Client, provider: IdentityProvider, owner: User
) -> None:
    address = dict(parse_qsl(urlsplit(leave(client)).query))
    assert address["code_challenge_method"] == "S256"
    assert len(address["nonce"]) > 20
    assert sign_in(client, provider)["Location"] == "/"
    user = User.objects.get(email="grace@example.com")
    assert (who(client), user.name) == (str(user.pk), "Grace Hopper")
    assert user.workspaces.get().name == "Grace Hopper's workspace"
    assert not user.has_usable_password()
    assert EmailAddress.objects.get(user=user).verified
    assert SocialAccount.objects.get().extra_data == {
        "name": "Grace Hopper",
        "email": "grace@example.com",
    }
    assert not SocialToken.objects.exists()
    assert AuditEvent.objects.get(action="sign_in").details["with"] == "sso"


def test_the_pages_have_a_button_for_what_is_configured(
    client: Client, provider: IdentityProvider, owner: User, settings: Settings
) -> None:
    settings.FLUX_SIGNUP = "open"
    assert "Sign in with Acme" in client.get("/accounts/login/").content.decode()
    assert "Go on with Acme" in client.get("/accounts/signup/").content.decode()
    assert "Google" not in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("mode", ["closed", "invitation"])
def test_who_may_sign_up_holds_for_providers_too(
    client: Client, provider: IdentityProvider, owner: User, settings: Settings, mode: str
) -> None:
    settings.FLUX_SIGNUP = mode
    answer = sign_in(client, provider)
    assert "Sign-up is" in answer.content.decode()
    assert (who(client), User.objects.count()) == ("", 1)


@pytest.mark.parametrize(("email", "count"), [("grace@example.com", 2), ("eve@example.com", 1)])
def test_an_invitation_lets_its_own_address_in_by_a_provider(
    client: Client, provider: IdentityProvider, actor: Actor, email: str, count: int
) -> None:
    invited = invite(actor, email="grace@example.com", role="viewer")
    client.get(urlsplit(invited.link).path)
    provider.person["email"] = email
    sign_in(client, provider)
    assert User.objects.count() == count
    members = Membership.objects.filter(workspace_id=actor.workspace_id, user__email=email)
    assert [member.role for member in members] == ["viewer"] * (count - 1)
    assert Workspace.objects.count() == 1


def test_nobody_comes_before_the_first_operator(
    client: Client, provider: IdentityProvider, open_door: None
) -> None:
    sign_in(client, provider)
    assert not User.objects.exists()


def test_a_verified_address_joins_the_account_that_has_it(
    client: Client, provider: IdentityProvider, owner: User, workspace: Workspace
) -> None:
    vouch_for(owner)
    provider.person["email"] = "ADA@example.com"
    assert sign_in(client, provider).status_code == 302
    assert who(client) == str(owner.pk)
    assert SocialAccount.objects.get().user == owner
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"connection.add", "sign_in"} <= actions
    client.post("/accounts/logout/")
    provider.person["email"] = "elsewhere@example.com"
    sign_in(client, provider)
    assert who(client) == str(owner.pk)


@pytest.mark.parametrize("said", [False, "false", "no", None, 1, {}])
@pytest.mark.usefixtures("open_door")
def test_s11_an_address_that_is_not_verified_joins_nothing(
    client: Client, provider: IdentityProvider, owner: User, said: Any
) -> None:
    vouch_for(owner)
    provider.person |= {"email": owner.email, "email_verified": said}
    if said is None:
        del provider.person["email_verified"]
    sign_in(client, provider)
    assert who(client) == ""
    assert not SocialAccount.objects.exists()
    assert User.objects.count() == 1


def test_a_second_factor_is_asked_for_after_a_provider_too(
    client: Client, provider: IdentityProvider, owner: User
) -> None:
    vouch_for(owner)
    Authenticator.objects.create(user=owner, type="totp", data={"secret": "x"})
    provider.person["email"] = owner.email
    assert sign_in(client, provider)["Location"] == "/accounts/2fa/authenticate/"
    assert who(client) == ""


def _expired() -> dict[str, Any]:
    return {"claims": {"exp": 1_700_000_000}}


LIES: dict[str, dict[str, Any]] = {
    "another sign-in's nonce": {"claims": {"nonce": "of another sign-in"}},
    "no nonce": {"claims": {"nonce": None}},
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "another client": {"claims": {"aud": "somebody"}},
    "another client too": {"claims": {"aud": [CLIENT_ID, "somebody"]}},
    "expired": _expired(),
    "no subject": {"claims": {"sub": None}},
    "another person in the userinfo": {"info": {"sub": "18"}},
    "a signature of another key": {
        "key": rsa.generate_private_key(public_exponent=65537, key_size=2048)
    },
    "a key that is not published": {"kid": "k2"},
    "no userinfo": {"broken": {"/userinfo"}},
    "no keys": {"broken": {"/jwks"}},
    "no token": {"broken": {"/token"}},
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.usefixtures("open_door")
def test_s11_a_token_that_proves_nothing_lets_nobody_in(
    client: Client, provider: IdentityProvider, owner: User, lie: str
) -> None:
    for name, value in LIES[lie].items():
        setattr(provider, name, value)
    answer = sign_in(client, provider)
    assert (answer.status_code, who(client)) == (401, "")
    assert "did not work" in answer.content.decode()
    refused = AuditEvent.objects.get(action="sign_in.refused")
    assert (refused.details["with"], refused.actor) == ("sso", "nobody")
    assert User.objects.count() == 1


@pytest.mark.usefixtures("open_door")
def test_s11_an_answer_counts_once_and_in_the_browser_that_asked(
    client: Client, provider: IdentityProvider, owner: User
) -> None:
    back = provider.consent(leave(client))
    assert Client().get(back).status_code == 401
    assert client.get(f"{BACK}?code=x&state=wrong").status_code == 401
    assert client.get(BACK).status_code == 401
    assert client.get(back).status_code == 302
    assert client.get(back).status_code == 401
    assert client.get("/accounts/google/login/").status_code == 404
    assert client.get("/accounts/oidc/nobody/login/").status_code == 404
    assert client.post("/accounts/github/login/").status_code == 404


def test_a_provider_that_does_not_answer_is_told_as_such(
    client: Client, provider: IdentityProvider, owner: User
) -> None:
    provider.broken = {"/.well-known/openid-configuration"}
    answer = client.post(BEGIN, {"process": "login"})
    assert (answer.status_code, "Begin again" in answer.content.decode()) == (401, True)


def test_a_link_alone_begins_nothing_and_asks_the_provider_for_nothing_else(
    client: Client, provider: IdentityProvider, owner: User
) -> None:
    page = client.get(f"{BEGIN}?process=connect")
    assert (page.status_code, "Go on" in page.content.decode()) == (200, True)
    assert provider.asked == []
    asked = client.post(f"{BEGIN}?scope=admin&auth_params=prompt%3Dnone%26nonce%3Dx")
    found = re.search(r"0;url=([^\"]+)", asked.content.decode())
    assert found is not None
    address = dict(parse_qsl(urlsplit(unescape(found[1])).query))
    assert "admin" not in address["scope"]
    assert "prompt" not in address
    assert address["nonce"] != "x"


def test_sign_ins_with_a_provider_are_limited(
    client: Client, provider: IdentityProvider, owner: User, settings: Settings
) -> None:
    settings.FLUX_RATE_LIMITS = {"provider": "2/h"}
    assert client.get(BACK).status_code == 401
    leave(client)
    for answer in (client.post(BEGIN), client.get(BACK)):
        assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)


def test_an_account_elsewhere_is_connected_and_disconnected_by_who_gave_the_password(
    client: Client, provider: IdentityProvider, owner: User
) -> None:
    vouch_for(owner)
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    again = sign_in(client, provider, process="connect")
    assert again["Location"] == "/accounts/reauthenticate/"
    assert not SocialAccount.objects.exists()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    account = SocialAccount.objects.get(user=owner)
    page = client.get("/accounts/3rdparty/").content.decode()
    assert "Acme" in page
    assert "grace@example.com" in page
    client.post("/accounts/3rdparty/", {"account": account.pk})
    assert not SocialAccount.objects.exists()
    actions = AuditEvent.objects.filter(action__startswith="connection").values_list("action")
    assert [action for (action,) in actions.order_by("at")] == [
        "connection.add",
        "connection.remove",
    ]


def test_s11_an_account_elsewhere_belongs_to_one_person(
    client: Client, provider: IdentityProvider, owner: User, other_workspace: Workspace
) -> None:
    vouch_for(owner)
    provider.person["email"] = owner.email
    sign_in(client, provider)
    eve = Client()
    eve.force_login(other_workspace.members.get())
    sign_in(eve, provider, process="connect")
    eve.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert SocialAccount.objects.get().user == owner


def test_what_is_connected_to_a_provider_that_is_gone_can_be_disconnected(
    client: Client, owner: User
) -> None:
    account = SocialAccount.objects.create(user=owner, provider="old", uid="1")
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    assert "old" in client.get("/accounts/3rdparty/").content.decode()
    client.post("/accounts/3rdparty/", {"account": account.pk})
    client.post("/accounts/reauthenticate/?next=/accounts/3rdparty/", {"password": PASSWORD})
    client.post("/accounts/3rdparty/", {"account": account.pk})
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (SignInProvider("google", "Google", "id", ""), "accounts.E011"),
        (SignInProvider("github", "GitHub", "", "secret"), "accounts.E011"),
        (SignInProvider("sso", "Acme", "id", "secret", ""), "accounts.E011"),
        (SignInProvider("sso", "Acme", "id", "secret", "http://login.example"), "accounts.E012"),
        (SignInProvider("sso", "Acme", "id", "secret", "login.example"), "accounts.E012"),
        (SignInProvider("sso", "Acme", "id", "secret", "https://login.example"), None),
        (SignInProvider("sso", "Acme", "", "", ""), None),
    ],
)
def test_a_provider_that_is_set_by_half_is_refused_at_the_start(
    settings: Settings, given: SignInProvider, problem: str | None
) -> None:
    settings.FLUX_PROVIDERS = (given,)
    assert [told.id for told in settings_are_usable(None)] == ([problem] if problem else [])


def test_what_a_refusal_says_is_kept_without_what_a_database_refuses(db: None) -> None:
    record_refusal(by="sso", reason="a\x00b")
    assert AuditEvent.objects.get().details == {"with": "sso", "reason": "ab"}
