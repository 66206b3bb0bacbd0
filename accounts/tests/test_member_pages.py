"""The pages of members and of whole workspaces, without a browser."""

import pytest
from django.test import Client

from accounts.models import ApiKey, Membership, Role, User, Workspace
from accounts.permissions import Actor, member_actor
from accounts.services import create_api_key, create_workspace
from accounts.tests.conftest import PASSWORD

MEMBERS = "/settings/members/"


@pytest.fixture
def visitor(client: Client, owner: User, workspace: Workspace) -> Client:
    assert client.login(email=owner.email, password=PASSWORD)
    return client


@pytest.fixture
def grace(workspace: Workspace) -> Membership:
    user = User.objects.create_user("grace@example.com", PASSWORD, name="Grace")
    return Membership.objects.create(workspace=workspace, user=user, role=Role.ADMIN)


def text(answer: object) -> str:
    content: bytes = answer.content  # type: ignore[attr-defined]
    return content.decode()


def test_a_role_is_changed_and_what_is_against_the_rules_says_why(
    visitor: Client, workspace: Workspace, grace: Membership
) -> None:
    answer = visitor.post(f"{MEMBERS}{grace.id}/role/", {"role": "viewer"})
    assert answer["Location"] == MEMBERS
    grace.refresh_from_db()
    assert grace.role == Role.VIEWER
    own = workspace.memberships.get(role=Role.OWNER)
    refused = visitor.post(f"{MEMBERS}{own.id}/role/", {"role": "viewer"})
    assert refused.status_code == 422
    assert "keeps an owner" in text(refused)


def test_who_takes_somebody_out_says_what_becomes_of_their_keys(
    visitor: Client, owner: User, grace: Membership, workspace: Workspace
) -> None:
    theirs = member_actor(grace.user, workspace)
    assert theirs is not None
    key, _ = create_api_key(theirs, name="ci")
    page = text(visitor.get(f"{MEMBERS}{grace.id}/remove/"))
    assert "1 API key of theirs is in use" in page
    assert "Who leaves may still hold the tokens" in page
    visitor.post(f"{MEMBERS}{grace.id}/remove/", {"keys": "take"})
    assert not Membership.objects.filter(id=grace.id).exists()
    key = ApiKey.objects.get(id=key.id)
    assert (key.created_by, key.revoked_at) == (owner, None)


def test_members_see_who_is_there_and_change_nothing(grace: Membership, client: Client) -> None:
    Membership.objects.filter(id=grace.id).update(role=Role.VIEWER)
    client.force_login(grace.user)
    page = text(client.get(MEMBERS))
    assert "ada@example.com" in page
    assert 'name="email"' not in page
    assert client.post(f"{MEMBERS}invite/", {"email": "x@example.com"}).status_code == 403


def test_leaving_leads_to_another_workspace_or_a_new_one(
    grace: Membership, client: Client, without_examples: None
) -> None:
    client.force_login(grace.user)
    assert client.post(f"{MEMBERS}leave/")["Location"] == "/"
    assert client.get("/")["Location"] == "/workspaces/new/"
    made = client.post("/workspaces/new/", {"name": "Mine"})
    assert made["Location"] == "/"
    assert grace.user.memberships.get().role == Role.OWNER


def test_the_last_owner_is_told_why_they_stay(visitor: Client) -> None:
    answer = visitor.post(f"{MEMBERS}leave/")
    assert answer.status_code == 422
    assert "Make another member owner first" in text(answer)


def test_a_workspace_is_deleted_only_with_its_name_typed(
    visitor: Client, workspace: Workspace, owner: User, without_examples: None
) -> None:
    other = create_workspace(owner, name="Second")
    page = "/settings/workspace/delete/"
    wrong = visitor.post(page, {"name": "analytical engines"})
    assert wrong.status_code == 422
    assert "Type it exactly: Analytical Engines" in text(wrong)
    assert visitor.post(page, {"name": "Analytical Engines"})["Location"] == "/"
    assert list(Workspace.objects.all()) == [other]
    assert visitor.get("/settings/").context["workspace"] == other


def test_an_invitation_is_shown_once_renewed_and_taken_back(
    visitor: Client, workspace: Workspace, settings: object
) -> None:
    settings.FLUX_MAIL_REACHES_PEOPLE = False  # type: ignore[attr-defined]
    answer = visitor.post(f"{MEMBERS}invite/", {"email": "new@example.com", "role": "viewer"})
    first = text(answer).split('id="invitation-link"')[1].split("/invitations/")[1][:43]
    assert answer["Cache-Control"].startswith("max-age=0")
    assert first not in text(visitor.get(MEMBERS))
    invitation = workspace.invitations.get()
    renewed = text(visitor.post(f"/settings/invitations/{invitation.id}/new-link/"))
    assert "/invitations/" in renewed
    assert Client().get(f"/invitations/{first}/").status_code == 404
    visitor.post(f"/settings/invitations/{invitation.id}/revoke/")
    assert "Nobody is invited" in text(visitor.get(MEMBERS))


def test_only_an_owner_hands_over_and_only_after_the_password(
    visitor: Client, actor: Actor, grace: Membership, client: Client
) -> None:
    page = "/settings/workspace/transfer/"
    visitor.post("/accounts/reauthenticate/", {"password": PASSWORD})
    # The password was given a moment ago.
    assert visitor.get(page).status_code == 200
    stale = Client()
    stale.force_login(grace.workspace.memberships.get(role=Role.OWNER).user)
    assert "/accounts/reauthenticate/" in stale.get(page)["Location"]
    assert stale.post(page, {"member": grace.id})["Location"].startswith("/accounts/reauth")
    assert grace.workspace.memberships.get(role=Role.OWNER).user_id == actor.user_id
    admin = Client()
    admin.force_login(grace.user)
    assert admin.get(page).status_code == 403
