"""Invitations: who is asked, who may follow the link, and the way in of strangers."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.errors import InvalidValue, MembershipRefused
from accounts.members.changes import change_role, transfer_workspace
from accounts.members.invitations import MOST, Invited, accept_invitation, invitation_of, invite
from accounts.models import AuditEvent, Invitation, Membership, Role, User, Workspace
from accounts.permissions import Actor, PermissionRefused, key_actor, member_actor
from accounts.services import create_api_key, token_digest
from accounts.tests.conftest import PASSWORD

ADDRESS = "grace@example.com"


@pytest.fixture
def mails(settings: Any) -> list[Any]:
    settings.FLUX_MAIL_REACHES_PEOPLE = True
    return mail.outbox


@pytest.fixture(autouse=True)
def by_invitation(settings: Any) -> None:
    settings.FLUX_SIGNUP = "invitation"
    settings.FLUX_MAIL_REACHES_PEOPLE = False


def invited(actor: Actor, email: str = ADDRESS, role: str = Role.BUILDER) -> Invited:
    return invite(actor, email=email, role=role)


def path_of(made: Invited) -> str:
    return "/invitations/" + made.link.split("/invitations/")[1]


def joined(workspace: Workspace, role: Role) -> tuple[Membership, Actor]:
    user = User.objects.create_user(f"{role}@example.com", PASSWORD)
    membership = Membership.objects.create(workspace=workspace, user=user, role=role)
    actor = member_actor(user, workspace)
    assert actor is not None
    return membership, actor


def sign_up(client: Client, email: str) -> Any:
    form = {"email": email, "password1": PASSWORD, "password2": PASSWORD}
    return client.post("/accounts/signup/", form)


def test_of_the_link_only_a_digest_is_kept_and_the_mail_takes_it_there(
    actor: Actor, mails: list[Any]
) -> None:
    made = invited(actor, " Grace@Example.com ")
    token = made.link.rstrip("/").split("/")[-1]
    assert (made.sent, made.invitation.email, made.invitation.mailed) == (True, ADDRESS, True)
    assert made.invitation.digest == token_digest(token)
    assert token not in str(Invitation.objects.values())
    (sent,) = mails
    assert sent.to == [ADDRESS]
    assert made.link in sent.body
    assert "Ada (ada@example.com)" in sent.body


def test_where_no_mail_reaches_people_the_link_is_to_be_handed_on(actor: Actor) -> None:
    made = invited(actor)
    assert (made.sent, made.invitation.mailed, mail.outbox) == (False, False, [])
    assert invitation_of(made.link.rstrip("/").split("/")[-1]) == made.invitation


def test_inviting_again_renews_and_the_old_link_stops(actor: Actor) -> None:
    first, second = invited(actor), invited(actor, role=Role.VIEWER)
    assert first.invitation.id == second.invitation.id
    assert invitation_of(path_of(first).split("/")[-2]) is None
    found = invitation_of(path_of(second).split("/")[-2])
    assert found is not None
    assert found.role == Role.VIEWER


@pytest.mark.parametrize(
    ("email", "role", "says"),
    [
        ("nobody", "viewer", "Write an e-mail address"),
        ("ada@example.com", "viewer", "is a member already"),
        (ADDRESS, "owner", "Nobody is invited as an owner"),
        (ADDRESS, "king", "Choose one of"),
    ],
)
def test_what_cannot_be_invited_says_why(actor: Actor, email: str, role: str, says: str) -> None:
    with pytest.raises(InvalidValue, match=says):
        invited(actor, email, role)


def test_only_so_many_invitations_are_open_at_once(actor: Actor) -> None:
    Invitation.objects.bulk_create(
        Invitation(
            workspace_id=actor.workspace_id,
            email=f"p{number}@example.com",
            digest=str(number),
            expires_at=timezone.now() + timedelta(days=1),
        )
        for number in range(MOST)
    )
    with pytest.raises(MembershipRefused, match="100 invitations are open"):
        invited(actor)
    Invitation.objects.filter(email="p0@example.com").update(expires_at=timezone.now())
    assert invited(actor).invitation.email == ADDRESS


def test_keys_and_builders_invite_within_their_means(workspace: Workspace, actor: Actor) -> None:
    made, _ = create_api_key(actor, name="k", scopes=["members:write"])
    key = key_actor(workspace.id, made.id, "k", ["members:write"], role="owner")
    assert invited(key, role=Role.VIEWER).invitation.invited_by is None
    with pytest.raises(MembershipRefused, match="No API key makes somebody an admin"):
        invited(key, role=Role.ADMIN)
    _, builder = joined(workspace, Role.BUILDER)
    with pytest.raises(PermissionRefused):
        invited(builder)


def test_a_stranger_signs_up_by_the_invitation_and_has_that_workspace_only(
    actor: Actor, workspace: Workspace
) -> None:
    made, client = invited(actor), Client()
    assert client.get("/accounts/signup/").content.count(b"password1") == 0
    page = client.get(path_of(made)).content.decode()
    assert "Ada (ada@example.com) invites grace@example.com" in page
    assert "Create an account" in page
    assert (
        f"You join the workspace {workspace.name}."
        in client.get("/accounts/signup/").content.decode()
    )
    answer = sign_up(client, "eve@example.com")
    assert "Your invitation is for grace@example.com" in answer.content.decode()
    assert sign_up(client, ADDRESS).status_code == 302
    membership = Membership.objects.get(user__email=ADDRESS)
    assert (membership.workspace, membership.role) == (workspace, Role.BUILDER)
    assert membership.invited_by == User.objects.get(email="ada@example.com")
    assert AuditEvent.objects.filter(action="member.join", workspace=workspace).count() == 1
    # It works once.
    assert Client().get(path_of(made)).status_code == 404
    assert sign_up(Client(), "eve@example.com").status_code == 200
    assert not User.objects.filter(email="eve@example.com").exists()


def test_where_sign_up_is_closed_an_invitation_makes_no_account(
    actor: Actor, settings: Any
) -> None:
    settings.FLUX_SIGNUP = "closed"
    made, client = invited(actor), Client()
    assert "are made by its operators" in client.get(path_of(made)).content.decode()
    sign_up(client, ADDRESS)
    assert not User.objects.filter(email=ADDRESS).exists()
    grace = User.objects.create_user(ADDRESS, PASSWORD)
    assert "Sign in as grace@example.com" in client.get(path_of(made)).content.decode()
    client.force_login(grace)
    assert client.post(path_of(made)).status_code == 302
    assert Membership.objects.get(user=grace).role == Role.BUILDER


def test_a_get_joins_nobody(actor: Actor) -> None:
    made = invited(actor)
    client = Client()
    client.force_login(User.objects.create_user(ADDRESS, PASSWORD))
    assert "Join as grace@example.com" in client.get(path_of(made)).content.decode()
    assert not Membership.objects.filter(user__email=ADDRESS).exists()


def test_somebody_else_who_is_signed_in_does_not_join_but_may_change_over(
    actor: Actor,
) -> None:
    made, client = invited(actor), Client()
    eve = User.objects.create_user("eve@example.com", PASSWORD)
    client.force_login(eve)
    page = client.get(path_of(made)).content.decode()
    assert "You are signed in as eve@example.com" in page
    assert client.post(path_of(made))["Location"] == path_of(made)
    assert not Membership.objects.filter(user=eve).exists()
    assert "Create an account" in client.get(path_of(made)).content.decode()
    with pytest.raises(MembershipRefused, match="for another address"):
        accept_invitation(eve, made.invitation)


@pytest.mark.parametrize("ending", ["revoked_at", "expires_at", "accepted_at"])
def test_an_invitation_that_is_over_lets_nobody_in(actor: Actor, ending: str) -> None:
    made, client = invited(actor), Client()
    client.get(path_of(made))
    Invitation.objects.update(**{ending: timezone.now()})
    assert client.get(path_of(made)).status_code == 404
    sign_up(client, ADDRESS)
    assert not User.objects.filter(email=ADDRESS).exists()


def test_guessing_links_is_limited(settings: Any, actor: Actor) -> None:
    settings.FLUX_RATE_LIMITS = {"invitation": "2/h"}
    client = Client()
    answers = [client.get(f"/invitations/{n}/").status_code for n in range(3)]
    assert answers == [404, 404, 429]
    assert client.get(path_of(invited(actor))).status_code == 200


def test_nobody_raises_themselves_and_admins_leave_owners_alone(
    workspace: Workspace, actor: Actor
) -> None:
    own, admin = joined(workspace, Role.ADMIN)
    owners = workspace.memberships.get(role=Role.OWNER)
    with pytest.raises(MembershipRefused, match="Only an owner makes"):
        change_role(admin, own, Role.OWNER)
    with pytest.raises(MembershipRefused, match="Only an owner changes"):
        change_role(admin, owners, Role.VIEWER)
    with pytest.raises(MembershipRefused, match="keeps an owner"):
        change_role(actor, owners, Role.ADMIN)
    assert change_role(actor, own, Role.OWNER).role == Role.OWNER
    assert change_role(actor, owners, Role.VIEWER).role == Role.VIEWER
    stale = actor
    with pytest.raises(MembershipRefused, match="Nobody gives themselves"):
        change_role(stale, owners, Role.ADMIN)


def test_a_workspace_is_handed_over_and_its_old_owner_stays_as_an_admin(
    workspace: Workspace, actor: Actor
) -> None:
    membership, theirs = joined(workspace, Role.VIEWER)
    transfer_workspace(actor, membership)
    roles = dict(workspace.memberships.values_list("user__email", "role"))
    assert roles == {"ada@example.com": "admin", "viewer@example.com": "owner"}
    event = AuditEvent.objects.get(action="workspace.transfer")
    assert event.details["email"] == "viewer@example.com"
    assert event.details["before"] == "viewer"
    with pytest.raises(PermissionRefused):
        transfer_workspace(theirs, membership)
