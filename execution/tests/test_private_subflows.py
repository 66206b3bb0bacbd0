"""By whose rights a flow calls a private one, and what becomes of shares."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.errors import InvalidValue
from accounts.members.closing import end_membership
from accounts.models import AuditEvent, Membership, Role, User
from accounts.permissions import PermissionRefused, key_actor
from accounts.services import create_api_key
from billing.models import UsageRecord
from billing.queries import usage_totals
from execution.models import Approval, Run
from execution.tests.teams_for_tests import Team
from flows.models import Flow, FlowShare, Visibility
from flows.organizing import create_folder, create_tag, duplicate_flow, move_flows, tag_flows
from flows.organizing_queries import folder_tree, tags_of
from flows.queries import find_flow, visible_flows
from flows.services import create_flow, delete_flow, publish_flow, update_flow
from flows.sharing import share_flow

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(without_examples: None) -> Team:
    return Team()


def test_a_published_flow_calls_by_the_rights_of_who_published_it(team: Team) -> None:
    assert team.calls(team.run_by("vi", publisher="ada"))
    assert team.calls(team.run_by("vi", publisher="owner"))
    # Whoever edits and publishes a flow calls nothing that they may not run themselves.
    assert not team.calls(team.run_by("owner", publisher="bob"))
    share_flow(team.actor("ada"), team.flow, shares={team.people["bob"].id: "view"})
    assert not team.calls(team.run_by("owner", publisher="bob"))
    share_flow(team.actor("ada"), team.flow, shares={team.people["bob"].id: "run"})
    run = team.run_by("owner", publisher="bob")
    assert team.calls(run)
    end_membership(team.actor("owner"), Membership.objects.get(user=team.people["bob"]))
    assert not team.calls(run)


def test_a_draft_calls_by_the_rights_of_who_runs_it(team: Team) -> None:
    assert team.calls(team.run_by("ada"))
    assert not team.calls(team.run_by("bob"))
    key, _ = create_api_key(team.actor("owner"), name="ci")
    run = team.run_by("bob")
    Run.objects.filter(id=run.id).update(api_key=key, created_by=None)
    assert team.calls(run)


def test_flows_of_the_workspace_are_called_by_everybody(team: Team) -> None:
    share_flow(team.actor("ada"), team.flow, visibility="workspace")
    assert team.calls(team.run_by("bob", publisher="bob"))


def test_only_its_maker_owners_and_admins_say_who_sees_a_flow(team: Team) -> None:
    shares = {team.people["bob"].id: "edit"}
    for name in ("bob", "vi"):
        with pytest.raises(PermissionRefused):
            share_flow(team.actor(name), team.flow, shares=shares)
    share_flow(team.actor("owner"), team.flow, shares=shares)
    event = AuditEvent.objects.filter(action="flow.share").latest("at")
    assert event.details["shares"] == {"bob@example.com": "edit"}
    with pytest.raises(PermissionRefused, match="Only its maker"):
        share_flow(team.actor("bob"), team.flow, visibility="workspace")
    stranger = User.objects.create_user("eve@example.com")
    wrong: list[dict[str, Any]] = [
        {"visibility": "public"},
        {"shares": {stranger.id: "view"}},
        {"shares": {team.people["vi"].id: "own"}},
    ]
    for asked in wrong:
        with pytest.raises(InvalidValue):
            share_flow(team.actor("ada"), team.flow, **asked)
    assert FlowShare.objects.filter(flow=team.flow).count() == 1


def test_a_viewer_with_an_edit_share_edits_that_flow_and_publishes_nothing(team: Team) -> None:
    share_flow(team.actor("ada"), team.flow, shares={team.people["vi"].id: "edit"})
    editor = team.actor("vi")
    assert update_flow(editor, team.flow, name="Changed").name == "Changed"
    for refused in (publish_flow, delete_flow):
        with pytest.raises(PermissionRefused):
            refused(editor, team.flow)
    other = create_flow(team.actor("ada"), name="Other")
    with pytest.raises(PermissionRefused):
        update_flow(editor, other, name="x")


def test_a_key_sees_what_its_maker_sees(team: Team) -> None:
    key, _ = create_api_key(team.actor("owner"), name="k")
    for name, sees in (("ada", True), ("bob", False)):
        person = team.people[name]
        actor = key_actor(
            team.workspace.id, key.id, "k", key.scopes, role=Role.BUILDER, maker=person.id
        )
        assert (find_flow(actor, team.flow.slug) is not None) == sees
        assert visible_flows(actor).exists() == sees
    system = key_actor(team.workspace.id, key.id, "k", key.scopes)
    assert find_flow(system, str(team.flow.id)) is not None


def test_the_copy_of_a_private_flow_is_private_to_who_made_it(team: Team) -> None:
    share_flow(team.actor("ada"), team.flow, shares={team.people["bob"].id: "view"})
    copy = duplicate_flow(team.actor("bob"), team.flow)
    copy = Flow.objects.get(id=copy.id)
    assert (copy.visibility, copy.created_by) == (Visibility.PRIVATE, team.people["bob"])
    assert find_flow(team.actor("ada"), str(copy.id)) is None


def test_counts_and_usage_leave_out_what_is_not_seen(team: Team) -> None:
    ada = team.actor("ada")
    move_flows(ada, [team.flow], create_folder(ada, name="Clients"))
    tag_flows(ada, [team.flow], add=[create_tag(ada, name="live")])
    UsageRecord.objects.create(
        workspace=team.workspace,
        flow=team.flow,
        run_id=uuid4(),
        node="a",
        attempt=1,
        model="x",
    )
    for name, seen in (("ada", 1), ("bob", 0), ("vi", 0), ("owner", 1)):
        actor = team.actor(name)
        assert [row.flows for row in folder_tree(actor)] == [seen], name
        assert [vars(tag)["uses"] for tag in tags_of(actor)] == [seen], name
        totals = usage_totals(actor, since=None, until=None, group_by="flow")
        assert len(totals) == seen, name


def test_a_list_of_private_flows_asks_no_more_than_one_of_few(
    team: Team, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        flow = create_flow(team.actor("ada"), name=f"Flow {number}")
        share_flow(
            team.actor("ada"), flow, visibility="private", shares={team.people["bob"].id: "run"}
        )
    bob = team.actor("bob")
    with django_assert_num_queries(1):
        assert len(visible_flows(bob)) == 5


def test_the_api_says_who_sees_a_flow_and_changes_it(team: Team) -> None:
    ada, bob = (Client() for _ in range(2))
    ada.force_login(team.people["ada"])
    bob.force_login(team.people["bob"])
    path = f"/api/v1/flows/{team.flow.id}"
    assert bob.get(path).status_code == 404
    body = {"visibility": "private", "shares": [{"email": "Bob@example.com", "level": "view"}]}
    answer = ada.patch(path, body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    seen = bob.get(path).json()
    assert (seen["visibility"], len(seen["shares"])) == ("private", 1)
    assert seen["shares"][0]["email"] == "bob@example.com"
    refused = bob.patch(path, {"shares": []}, content_type="application/json")
    assert refused.status_code == 403
    wrong = [
        {"visibility": "public"},
        {"shares": "bob"},
        {"shares": [{"email": "eve@example.com", "level": "view"}]},
        {"shares": [{"email": "bob@example.com", "level": "own"}]},
    ]
    for asked in wrong:
        answer = ada.patch(path, asked, content_type="application/json")
        assert answer.status_code == 422, asked
    assert FlowShare.objects.get(flow=team.flow).level == "view"


def test_who_is_named_by_an_approval_decides_it_without_seeing_the_flow(team: Team) -> None:
    run = Run.objects.create(
        workspace=team.workspace,
        flow=team.flow,
        version=team.flow.published,
        status="waiting",
        created_at=timezone.now(),
    )
    asked = Approval.objects.create(
        run=run,
        workspace=team.workspace,
        node="ask",
        message="May it?",
        assignees=["vi@example.com"],
        created_at=timezone.now(),
    )
    named, other = (Client() for _ in range(2))
    named.force_login(team.people["vi"])
    other.force_login(team.people["bob"])
    page = f"/approvals/{asked.id}/"
    assert other.get(page).status_code == 404
    assert 'value="approve"' in named.get(page).content.decode()
    assert named.get(f"/runs/{run.id}/").status_code == 404
    answer = named.post(page, {"decision": "approve"})
    assert answer.status_code == 302
    asked.refresh_from_db()
    assert (asked.decision, asked.decided_by) == ("approved", team.people["vi"])
