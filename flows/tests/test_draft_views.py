"""What editors ask over HTTP: the draft, changes, problems; and what is refused, always as JSON."""

from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import Membership, User, Workspace
from accounts.permissions import Actor
from flows.models import Flow
from flows.services import create_flow, replace_draft
from flows.tests.fixtures import GREETING
from flows.views import draft_changes

JSON = Any


@pytest.fixture
def flow(actor: Actor) -> Flow:
    return create_flow(actor, document=GREETING)


def change(*ops: JSON) -> JSON:
    return {"id": str(uuid4()), "label": "Change", "ops": list(ops)}


LABEL = {"op": "set", "node": "result", "path": ["label"], "value": "Result"}


def post(visitor: Client, flow: Flow, **body: JSON) -> Any:
    call = {"tab": str(uuid4()), "base": 1, "changes": [change(LABEL)], **body}
    return visitor.post(f"/flows/{flow.id}/changes/", call, content_type="application/json")


def test_the_draft_comes_with_its_revision_and_pins(visitor: Client, flow: Flow) -> None:
    flow.nodes.filter(key="start").update(pinned={"name": "Ada"})
    response = visitor.get(f"/flows/{flow.id}/draft/")
    assert response["Cache-Control"] == "no-store"
    state = response.json()
    assert (state["revision"], state["pins"]) == (1, {"start": {"name": "Ada"}})
    assert state["document"]["name"] == "Greeting"


def test_changes_are_applied_and_answered(visitor: Client, flow: Flow) -> None:
    answer = post(visitor, flow, changes=[change(LABEL), change({**LABEL, "node": "no"})]).json()
    assert answer["revision"] == 2
    assert [applied["ops"] for applied in answer["applied"]] == [[LABEL]]
    assert answer["refused"][0]["conflicts"][0]["code"] == "node_gone"
    assert post(visitor, flow).json()["revision"] == 3


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"tab": "x"}, "tab"),
        ({"earlier_tabs": [str(uuid4())] * 21}, "earlier_tabs"),
        ({"earlier_tabs": [str(uuid4()), 7]}, "earlier_tabs[1]"),
        ({"base": -1}, "base"),
        ({"base": True}, "base"),
        ({"changes": {}}, "changes"),
        ({"changes": [change(LABEL)] * 101}, "changes"),
        ({"changes": [change(*[LABEL] * 3_000), change(*[LABEL] * 3_000)]}, "changes"),
        ({"changes": [{**change(LABEL), "id": 7}]}, "changes[0].id"),
        ({"changes": [{**change(LABEL), "label": ""}]}, "changes[0].label"),
        ({"changes": [change(LABEL), change({"op": "x"})]}, "changes[1].ops[0].op"),
        ({"changes": [change()]}, "changes[0].ops"),
        ({"changes": ["x"]}, "changes[0]"),
    ],
)
def test_a_body_of_another_shape_is_refused_with_its_place(
    visitor: Client, flow: Flow, body: JSON, path: str
) -> None:
    response = post(visitor, flow, **body)
    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] == "invalid_changes"
    assert problem["errors"][0]["path"] == path
    flow.refresh_from_db()
    assert flow.revision == 1


def test_what_is_no_json_or_too_large_is_refused(visitor: Client, flow: Flow) -> None:
    path = f"/flows/{flow.id}/changes/"
    assert visitor.post(path, b"{", content_type="application/json").status_code == 400
    assert visitor.post(path, b"[]", content_type="application/json").status_code == 422
    large = visitor.post(path, b" " * 5_000_001, content_type="application/json")
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")


def test_a_base_that_the_log_does_not_reach_is_a_409(visitor: Client, flow: Flow) -> None:
    assert post(visitor, flow).status_code == 200
    flow.changes.all().delete()
    response = post(visitor, flow)
    assert (response.status_code, response.json()["code"]) == (409, "too_old")


def test_a_viewer_reads_and_is_told_that_they_may_not_change(
    visitor: Client, flow: Flow, owner: tuple[User, Workspace]
) -> None:
    Membership.objects.filter(user=owner[0]).update(role="viewer")
    assert visitor.get(f"/flows/{flow.id}/draft/").status_code == 200
    assert visitor.get(f"/flows/{flow.id}/problems/").status_code == 200
    response = post(visitor, flow)
    assert response.status_code == 403
    assert "Your role does not allow" in response.json()["detail"]
    flow.refresh_from_db()
    assert flow.revision == 1


def test_asked_without_changes_the_server_tells_what_is_new_to_viewers_too(
    visitor: Client, flow: Flow, owner: tuple[User, Workspace]
) -> None:
    assert post(visitor, flow).json()["revision"] == 2
    Membership.objects.filter(user=owner[0]).update(role="viewer")
    answer = post(visitor, flow, base=1, changes=[]).json()
    assert (answer["revision"], answer["refused"]) == (2, [])
    assert [change["revision"] for change in answer["applied"]] == [2]
    assert post(visitor, flow, base=2, changes=[]).json()["applied"] == []
    flow.refresh_from_db()
    assert flow.revision == 2


def test_another_workspaces_flow_is_not_found(visitor: Client, without_examples: None) -> None:
    workspace = Workspace.objects.create(name="Elsewhere", slug="elsewhere")
    theirs = Flow.objects.create(workspace=workspace, name="Theirs", slug="theirs")
    assert post(visitor, theirs).status_code == 404
    for path in ("draft", "problems"):
        assert visitor.get(f"/flows/{theirs.id}/{path}/").status_code == 404


def test_the_signed_out_are_told_so_and_other_methods_are_not_taken(
    visitor: Client, flow: Flow
) -> None:
    response = post(Client(), flow)
    assert (response.status_code, response.json()["code"]) == (401, "signed_out")
    assert Client().get(f"/flows/{flow.id}/draft/").status_code == 401
    assert visitor.get(f"/flows/{flow.id}/changes/").status_code == 405
    assert visitor.post(f"/flows/{flow.id}/draft/").status_code == 405


def test_a_page_of_elsewhere_cannot_send_changes(flow: Flow, owner: tuple[User, Workspace]) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner[0])
    assert post(strict, flow).status_code == 403


def test_problems_are_a_list_to_jump_from_and_json(
    visitor: Client, flow: Flow, actor: Actor
) -> None:
    nodes = [*GREETING["nodes"], {"id": "ask", "type": "if", "config": {}}]
    replace_draft(actor, flow, {**GREETING, "nodes": nodes})
    page = visitor.get(f"/flows/{flow.id}/problems/").content.decode()
    found = visitor.get(f"/flows/{flow.id}/problems/?as=json").json()["problems"]
    errors = [problem for problem in found if problem["severity"] == "error"]
    assert f'data-count-errors="{len(errors)}"' in page
    assert f'data-count-warnings="{len(found) - len(errors)}"' in page
    assert 'data-node="ask" data-path="condition"' in page
    assert page.count("data-jump") == len(found)


def test_a_draft_without_problems_says_so(visitor: Client, flow: Flow) -> None:
    page = visitor.get(f"/flows/{flow.id}/problems/").content.decode()
    assert 'data-count-errors="0" data-count-warnings="0"' in page
    assert "No problems" in page


def test_a_call_renames_so_many_nodes_and_no_more(visitor: Client, flow: Flow) -> None:
    names = ["start", *(f"n{i}" for i in range(draft_changes.MAX_RENAMES + 1))]
    ops = [{"op": "rename_node", "node": a, "to": b} for a, b in pairwise(names)]
    answer = post(visitor, flow, changes=[change(*ops[:60]), change(*ops[60:])])
    assert answer.status_code == 422
    assert "A call may give 100 nodes another id" in answer.json()["detail"]
    assert post(visitor, flow, changes=[change(*ops[:-1])]).json()["revision"] == 2
    assert flow.nodes.filter(key=names[-2]).exists()
