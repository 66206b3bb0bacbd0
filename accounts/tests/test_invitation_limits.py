"""Invitations that are mailed: how many, and which link counts as mailed."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.errors import TooManyInvitations
from accounts.members import invitations
from accounts.members.invitations import invite, revoke_invitation
from accounts.models import Role, Workspace
from accounts.permissions import Actor, member_actor
from accounts.services import create_api_key
from accounts.tests.conftest import PASSWORD

FREELY = {"invited_address": "1000/m", "invited_address_daily": "1000/d"}


@pytest.fixture(autouse=True)
def mails_reach_people(settings: Any) -> None:
    settings.FLUX_MAIL_REACHES_PEOPLE = True


def test_a_workspace_mails_one_address_once_a_minute(actor: Actor) -> None:
    made = invite(actor, email="grace@example.com", role=Role.VIEWER)
    revoke_invitation(actor, made.invitation)
    with pytest.raises(TooManyInvitations, match="from here a moment ago") as refused:
        invite(actor, email="Grace@example.com", role=Role.VIEWER)
    assert 0 < refused.value.wait <= 60
    assert invite(actor, email="bob@example.com", role=Role.VIEWER).sent
    assert len(mail.outbox) == 2


def test_no_workspace_keeps_another_from_inviting_an_address(
    actor: Actor, other_workspace: Workspace, settings: Any
) -> None:
    settings.FLUX_RATE_LIMITS = {"invited_address": "1000/m"}
    other = member_actor(other_workspace.members.get(), other_workspace)
    assert other is not None
    # Neither at the same moment nor when the address had its mails of the day.
    assert invite(other, email="grace@example.com", role=Role.VIEWER).sent
    made = [invite(actor, email="grace@example.com", role=Role.VIEWER) for _ in range(5)]
    assert [one.sent for one in made] == [True] * 4 + [False]
    assert len(mail.outbox) == 5
    last = invite(other, email="Grace@example.com", role=Role.VIEWER)
    row = invitations.invitation_of(last.link.rstrip("/").rpartition("/")[2])
    assert row is not None
    assert (last.sent, row.mailed) == (False, False)


def test_the_link_is_shown_where_the_address_had_its_mails(
    workspace: Workspace, client: Client, settings: Any
) -> None:
    settings.FLUX_RATE_LIMITS = {"invited_address": "9/m", "invited_address_daily": "1/d"}
    assert client.login(email="ada@example.com", password=PASSWORD)
    body = {"email": "grace@example.com", "role": "viewer"}
    assert client.post("/settings/members/invite/", body).status_code == 302
    page = client.post("/settings/members/invite/", body)
    assert page.status_code == 200
    shown = page.content.decode()
    assert "Send this link to grace@example.com yourself" in shown
    assert "No mail went out." in shown


def test_a_person_and_their_keys_mail_so_many_in_a_workspace_by_pages_and_api(
    actor: Actor, client: Client, settings: Any
) -> None:
    settings.FLUX_RATE_LIMITS = {**FREELY, "invitations": "2/d"}
    assert client.login(email="ada@example.com", password=PASSWORD)
    _, token = create_api_key(actor, name="k", scopes=["members:write"])
    api = Client(headers={"Authorization": f"Bearer {token}"})
    invite(actor, email="one@example.com", role=Role.VIEWER)
    body = {"email": "two@example.com", "role": "viewer"}
    path = "/api/v1/invitations"
    assert api.post(path, body, content_type="application/json").status_code == 201
    refused = api.post(path, body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_invitations")
    assert int(refused["Retry-After"]) > 0
    page = client.post("/settings/members/invite/", body)
    assert (page.status_code, b"as many invitations as one person may" in page.content) == (
        422,
        True,
    )
    again = client.post(f"/settings/invitations/{invitation_id(actor)}/new-link/")
    assert (again.status_code, b"as one person may" in again.content) == (422, True)
    assert len(mail.outbox) == 2


def invitation_id(actor: Actor) -> str:
    return str(invitations.open_invitations(actor)[0].id)


def test_links_that_are_handed_on_are_not_limited(actor: Actor, settings: Any) -> None:
    settings.FLUX_MAIL_REACHES_PEOPLE = False
    links = {invite(actor, email="grace@example.com", role=Role.VIEWER).link for _ in range(7)}
    assert len(links) == 7


def test_a_link_that_was_shown_meanwhile_does_not_count_as_mailed(
    actor: Actor, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FLUX_RATE_LIMITS = FREELY
    shown = []

    def slow_mail(*args: Any) -> bool:
        """While it is under way somebody renews the invitation, and no mail takes that link."""
        monkeypatch.setattr(invitations, "_mailed", lambda *args: False)
        shown.append(invite(actor, email="grace@example.com", role=Role.VIEWER))
        return True

    monkeypatch.setattr(invitations, "_mailed", slow_mail)
    invite(actor, email="grace@example.com", role=Role.VIEWER)
    row = shown[0].invitation
    row.refresh_from_db()
    assert row.mailed is False
