"""*You*: a person's own account."""

import pytest
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.test import Client

from accounts.authentication.sessions import browser_name, is_live
from accounts.authentication.vouching import vouch_for
from accounts.models import AuditEvent, User, Workspace
from accounts.tests.conftest import PASSWORD

LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


def _signed_in(user: User, browser: str = LINUX) -> Client:
    client = Client(headers={"User-Agent": browser})
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(user.pk)
    return client


def test_the_page_shows_who_somebody_is_and_where(owner: User, workspace: Workspace) -> None:
    vouch_for(owner)
    SocialAccount.objects.create(user=owner, provider="google", uid="1")
    page = _signed_in(owner).get("/you/").content.decode()
    for words in ("ada@example.com", "Firefox on Linux", workspace.name, "Owner since", "Google"):
        assert words in page


def test_somebody_in_no_workspace_has_the_page_too(owner: User) -> None:
    assert "You are in none" in _signed_in(owner).get("/you/").content.decode()


def test_a_person_is_renamed_by_themselves(owner: User, workspace: Workspace) -> None:
    client = _signed_in(owner)
    assert client.post("/you/name/", {"name": " Ada   Lovelace "}).status_code == 302
    owner.refresh_from_db()
    assert owner.name == "Ada Lovelace"
    event = AuditEvent.objects.get(action="profile.edit")
    assert (event.user, event.workspace) == (owner, workspace)
    assert client.post("/you/name/", {"name": "x" * 121}).status_code == 422


def test_one_session_or_all_others_end(owner: User) -> None:
    here, there, elsewhere = (_signed_in(owner) for _ in range(3))
    rows = UserSession.objects.order_by("created_at")
    assert "Sign out everywhere else" in here.get("/you/").content.decode()
    here.post("/you/sessions/end/", {"session": rows[1].pk})
    assert [c.get("/you/").status_code for c in (here, there, elsewhere)] == [200, 302, 200]
    here.post("/you/sessions/end/")
    assert [c.get("/you/").status_code for c in (here, elsewhere)] == [200, 302]
    assert AuditEvent.objects.filter(action="sign_out.elsewhere").count() == 2


def test_s9_nobody_ends_a_session_of_somebody_else(owner: User, other_workspace: Workspace) -> None:
    eve = _signed_in(other_workspace.members.get())
    ada = _signed_in(owner)
    theirs = UserSession.objects.get(user=owner)
    for named in (str(theirs.pk), "x", "9" * 30):
        eve.post("/you/sessions/end/", {"session": named})
    assert ada.get("/you/").status_code == 200


def test_s15_a_changed_password_ends_every_other_session(owner: User) -> None:
    here, elsewhere = _signed_in(owner), _signed_in(owner)
    untracked = Client()
    untracked.force_login(owner)
    new = {"password1": "n3w battery x", "password2": "n3w battery x"}
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new})
    assert here.get("/you/").status_code == 200
    assert is_live(here.session)
    assert not is_live(elsewhere.session)
    assert not is_live(untracked.session)
    assert elsewhere.get("/you/").status_code == 302
    assert UserSession.objects.count() == 1


def test_a_session_is_not_live_for_who_is_switched_off(owner: User) -> None:
    client = _signed_in(owner)
    assert is_live(client.session)
    User.objects.update(is_active=False)
    assert not is_live(client.session)
    assert not is_live(None)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (LINUX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/140.0 Mobile", "Chrome on Android"),
        ("curl/8.9", "curl/8.9"),
        ("", "An unknown browser"),
    ],
)
def test_a_browser_is_named_in_two_words(said: str, shown: str) -> None:
    assert browser_name(said) == shown
