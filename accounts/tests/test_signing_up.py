"""Who may sign up, what proves an address, and how people get a new password."""

import io
import re
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from accounts.authentication.setup import setup_link, use_setup_link
from accounts.authentication.signing_up import SignupMode, signup_mode
from accounts.authentication.vouching import vouch_for
from accounts.checks import settings_are_usable
from accounts.models import AuditEvent, User, Workspace
from accounts.tests.conftest import PASSWORD

NEW = "lots of monkeys 9"


@pytest.fixture
def mailing(settings: Settings) -> None:
    """As where a mail server is set: addresses have to be verified."""
    settings.FLUX_MAIL_REACHES_PEOPLE = True
    settings.FLUX_EMAIL_VERIFICATION = settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


@pytest.fixture
def open_door(settings: Settings, owner: User) -> None:
    settings.FLUX_SIGNUP = "open"


def _sign_up(client: Client, email: str = "new@example.com", **filled: str) -> Any:
    given = {"email": email, "password1": NEW, "password2": NEW, **filled}
    return client.post("/accounts/signup/", given)


def _link_in_mail() -> str:
    found = re.search(r"https?://\S+", str(mail.outbox[-1].body))
    assert found is not None
    return urlsplit(found[0]).path


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("closed", "made by its operators"),
        ("invitation", "Ask an owner or admin"),
        ("nonsense", "made by its operators"),
    ],
)
def test_a_door_that_is_not_open_says_whom_to_ask(
    client: Client, owner: User, settings: Settings, mode: str, said: str
) -> None:
    settings.FLUX_SIGNUP = mode
    assert said in client.get("/accounts/signup/").content.decode()
    _sign_up(client)
    assert User.objects.count() == 1


def test_signing_up_is_by_invitation_where_nothing_else_is_said() -> None:
    assert signup_mode() is SignupMode.INVITATION


@pytest.mark.usefixtures("mailing", "open_door", "without_examples")
def test_who_signs_up_gets_in_once_their_address_is_verified(client: Client) -> None:
    assert _sign_up(client, name="  Grace   Hopper ")["Location"] == "/accounts/confirm-email/"
    user = User.objects.get(email="new@example.com")
    assert (user.name, user.workspaces.get().name) == ("Grace Hopper", "Grace Hopper's workspace")
    signing_in = {"login": user.email, "password": NEW}
    client.post("/accounts/login/", signing_in)
    assert "_auth_user_id" not in client.session
    link = _link_in_mail()
    assert "Is this address yours?" in client.get(link).content.decode()
    client.post(link)
    client.post("/accounts/login/", signing_in)
    assert client.session["_auth_user_id"] == str(user.pk)


@pytest.mark.usefixtures("mailing", "open_door")
def test_signing_up_does_not_say_who_has_an_account(client: Client, owner: User) -> None:
    known, unknown = _sign_up(client, owner.email), _sign_up(Client(), "other@example.com")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [message.to for message in mail.outbox] == [[owner.email], ["other@example.com"]]


@pytest.mark.usefixtures("mailing", "without_examples")
def test_the_first_operator_needs_no_mail(db: None, client: Client) -> None:
    link = setup_link()
    assert link is not None
    token = link.rstrip("/").rsplit("/", 1)[1]
    user = use_setup_link(
        token, name="Ada", email="ada@example.com", password=PASSWORD, workspace_name="Engines"
    )
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(user.pk)
    assert mail.outbox == []


@pytest.mark.usefixtures("mailing", "without_examples")
def test_whom_operators_make_need_no_mail(db: None, client: Client) -> None:
    root = User.objects.create_superuser("root@example.com", PASSWORD)
    client.force_login(root)
    made = {"email": "made@example.com", "password1": NEW, "password2": NEW, "_save": "Save"}
    client.post("/admin/accounts/user/add/", {**made, "name": "", **_no_memberships()})
    user = User.objects.get(email="made@example.com")
    addresses = EmailAddress.objects.filter(verified=True, primary=True)
    assert set(addresses.values_list("user", flat=True)) == {root.pk, user.pk}


def _no_memberships() -> dict[str, str]:
    return {f"memberships-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}


def test_an_address_that_an_operator_replaced_lets_nobody_in(owner: User) -> None:
    vouch_for(owner)
    User.objects.filter(pk=owner.pk).update(email="countess@example.com")
    owner.refresh_from_db()
    vouch_for(owner, instead_of="ada@example.com")
    rows = EmailAddress.objects.values_list("email", "verified", "primary")
    assert list(rows) == [("countess@example.com", True, True)]


def test_nobody_vouches_for_what_somebody_else_has_verified(
    owner: User, other_workspace: Workspace
) -> None:
    other = other_workspace.members.get()
    EmailAddress.objects.create(user=other, email=owner.email, verified=True)
    vouch_for(owner)
    assert not EmailAddress.objects.get(user=owner).verified


@pytest.mark.parametrize(
    ("verification", "reaches", "problem"),
    [
        ("sometimes", True, "accounts.E009"),
        ("mandatory", False, "accounts.E010"),
        ("mandatory", True, None),
        ("none", False, None),
    ],
)
def test_a_verification_that_cannot_work_is_refused_at_the_start(
    settings: Settings, verification: str, reaches: bool, problem: str | None
) -> None:
    settings.FLUX_EMAIL_VERIFICATION = verification
    settings.FLUX_MAIL_REACHES_PEOPLE = reaches
    found = [message.id for message in settings_are_usable(None)]
    assert found == ([problem] if problem else [])


@pytest.mark.usefixtures("mailing")
def test_a_forgotten_password_is_set_anew_by_mail_once(client: Client, owner: User) -> None:
    vouch_for(owner)
    elsewhere = Client()
    elsewhere.force_login(owner)
    answers = [client.post("/accounts/password/reset/", {"email": owner.email})]
    link = _link_in_mail()
    answers.append(client.post("/accounts/password/reset/", {"email": "nobody@example.com"}))
    assert len({(answer.status_code, answer["Location"]) for answer in answers}) == 1
    _set_by(client, link)
    owner.refresh_from_db()
    assert owner.check_password(NEW)
    assert elsewhere.get("/settings/").status_code == 302
    assert "does not work" in client.get(link, follow=True).content.decode()


def _set_by(client: Client, link: str) -> None:
    form = client.get(link)["Location"]
    assert client.post(form, {"password1": NEW, "password2": NEW}).status_code == 302


@pytest.mark.usefixtures("mailing")
def test_a_mail_server_that_is_away_gives_no_error_page_and_tells_nobody_apart(
    client: Client, owner: User, settings: Settings
) -> None:
    vouch_for(owner)
    options = {"host": "127.0.0.1", "port": 9, "timeout": 1}
    backend = "django.core.mail.backends.smtp.EmailBackend"
    settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": options}}
    pages = [
        client.post("/accounts/password/reset/", {"email": email}, follow=True)
        for email in (owner.email, "nobody@example.com")
    ]
    for page in pages:
        assert (page.status_code, "did not take the mail" in page.content.decode()) == (200, True)


@pytest.mark.usefixtures("mailing")
def test_who_did_not_change_how_they_sign_in_learns_of_it(
    client: Client, owner: User, settings: Settings
) -> None:
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    vouch_for(owner)
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    new = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post("/accounts/password/change/", new)
    told = mail.outbox[-1]
    assert (told.to, told.subject[:12]) == ([owner.email], "FluxPrompt: ")
    assert "127.0.0.1" in told.body


@pytest.mark.usefixtures("mailing")
def test_an_address_is_added_verified_and_made_the_first_by_who_gave_the_password(
    client: Client, owner: User
) -> None:
    vouch_for(owner)
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    asked = client.post("/accounts/email/", {"email": "countess@example.com", "action_add": ""})
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    client.post(asked["Location"], {"password": PASSWORD})
    assert "Not verified" in client.get("/accounts/email/").content.decode()
    client.post(_link_in_mail())
    client.post("/accounts/email/", {"email": "countess@example.com", "action_primary": ""})
    owner.refresh_from_db()
    assert owner.email == "countess@example.com"
    client.post("/accounts/email/", {"email": "ada@example.com", "action_remove": ""})
    assert EmailAddress.objects.get(user=owner).email == "countess@example.com"


def test_where_no_mail_goes_out_no_address_is_added(client: Client, owner: User) -> None:
    vouch_for(owner)
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/email/").content.decode()
    assert "sends no mail" in page
    assert "action_add" not in page
    client.post("/accounts/email/", {"email": "countess@example.com", "action_add": ""})
    assert EmailAddress.objects.get(user=owner).email == owner.email


def test_where_no_mail_goes_out_the_page_says_so_and_no_link_lands_in_a_log(
    client: Client, owner: User
) -> None:
    page = client.get("/accounts/password/reset/").content.decode()
    assert "sends no mail" in page
    assert 'name="email"' not in page
    refused = client.post("/accounts/password/reset/", {"email": owner.email})
    assert "Ask an operator" in refused.content.decode()
    assert mail.outbox == []


def test_an_operator_makes_a_link_that_works_once(
    client: Client, owner: User, workspace: Workspace
) -> None:
    told = io.StringIO()
    call_command("password_reset_link", "Ada@example.com", stdout=told)
    link = urlsplit(told.getvalue().strip()).path
    _set_by(client, link)
    owner.refresh_from_db()
    assert owner.check_password(NEW)
    assert "does not work" in Client().get(link, follow=True).content.decode()
    event = AuditEvent.objects.get(action="password.reset_link")
    assert (event.actor, event.via, event.workspace_id) == ("command", "command", workspace.id)


def test_no_link_is_made_for_who_may_not_sign_in(owner: User) -> None:
    with pytest.raises(CommandError, match="Nobody"):
        call_command("password_reset_link", "who@example.com")
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="switched off"):
        call_command("password_reset_link", owner.email)


def test_people_from_before_are_not_locked_out_by_the_update(
    owner: User, other_workspace: Workspace
) -> None:
    late = User.objects.create_user("late@example.com")
    EmailAddress.objects.create(user=owner, email="old@example.com", primary=True)
    EmailAddress.objects.create(user=owner, email="Ada@example.com")
    other = other_workspace.members.get()
    EmailAddress.objects.create(user=other, email=late.email, verified=True)
    import_module("accounts.migrations.0006_verified_addresses").verify(apps, None)
    rows = EmailAddress.objects.filter(verified=True).values_list("user", "email", "primary")
    assert set(rows) == {
        (owner.pk, "Ada@example.com", True),
        (other.pk, other.email, True),
        (other.pk, late.email, False),
    }
