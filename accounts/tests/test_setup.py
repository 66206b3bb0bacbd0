"""The one-time link of the first person, and signing up."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from accounts.authentication.setup import SetupLinkDead, setup_link, use_setup_link
from accounts.models import SetupLink, User, Workspace

FILLED = {
    "name": "Ada",
    "email": "Ada@Example.com",
    "password": "correct horse battery",
    "workspace_name": "Engines",
}


def _path() -> str:
    link = setup_link()
    assert link is not None
    return urlsplit(link).path


def test_the_link_is_the_same_until_it_is_used_and_its_token_is_not_stored(db: None) -> None:
    link = setup_link()
    assert link is not None
    assert link == setup_link()
    assert SetupLink.objects.get().nonce not in link


def test_the_first_person_becomes_operator_with_a_workspace_and_is_signed_in(
    client: Client, db: None
) -> None:
    path = _path()
    assert client.get(path).status_code == 200
    answer = client.post(path, FILLED)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    user = User.objects.get()
    assert (user.email, user.is_superuser, user.is_staff) == ("ada@example.com", True, True)
    assert Workspace.objects.get().name == "Engines"
    assert client.session["_auth_user_id"] == str(user.pk)
    assert client.get("/api/v1/me").json()["workspace"]["slug"] == "engines"


def test_a_used_link_is_dead_and_says_what_to_do(client: Client, db: None) -> None:
    path = _path()
    client.post(path, FILLED)
    for answer in (client.get(path), client.post(path, {**FILLED, "email": "b@example.com"})):
        assert answer.status_code == 404
        assert "sign in" in answer.content.decode().lower()
    assert setup_link() is None
    assert User.objects.count() == 1


def test_a_wrong_link_is_404(client: Client, db: None) -> None:
    _path()
    assert client.get("/setup/" + "0" * 43 + "/").status_code == 404
    with pytest.raises(SetupLinkDead):
        use_setup_link("é", name="x", email="x@example.com", password="x", workspace_name="x")


def test_a_weak_password_is_refused_at_its_field(client: Client, db: None) -> None:
    answer = client.post(_path(), {**FILLED, "password": "12345"})
    assert answer.status_code == 422
    assert "too short" in answer.content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize("field", list(FILLED))
def test_every_field_of_the_set_up_is_needed(client: Client, db: None, field: str) -> None:
    answer = client.post(_path(), {**FILLED, field: ""})
    assert answer.status_code == 422
    assert not User.objects.exists()


def _sign_up(client: Client) -> int:
    filled = {"email": "new@example.com", "password1": "lots of monkeys 9"}
    return client.post(
        "/accounts/signup/", {**filled, "password2": filled["password1"]}
    ).status_code


def test_signing_up_is_closed_unless_it_is_opened(client: Client, db: None) -> None:
    _sign_up(client)
    assert not User.objects.exists()


def test_who_signs_up_where_it_is_open_gets_a_workspace(
    client: Client, db: None, settings: Any
) -> None:
    settings.FLUX_SIGNUP = "open"
    User.objects.create_superuser("first@example.com", "x")
    assert _sign_up(client) == 302
    user = User.objects.get(email="new@example.com")
    assert not user.is_staff
    assert [w.name for w in user.workspaces.all()] == ["new's workspace"]


def test_nobody_signs_up_before_the_set_up_link_is_used(
    client: Client, db: None, settings: Any
) -> None:
    settings.FLUX_SIGNUP = "open"
    _sign_up(client)
    assert not User.objects.exists()
    assert setup_link() is not None
