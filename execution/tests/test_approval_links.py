"""The page behind the link of an e-mail: it shows to whoever has it, and decides by POST only."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Membership, User, Workspace
from accounts.permissions import Actor
from execution.approval_links import Link, LinkDead, link_address, read_link
from execution.approval_models import Approval
from execution.approval_services import Answer, decide
from execution.models import Run
from execution.tests.approvals_for_tests import approval_of, person, waiting_run

pytestmark = pytest.mark.usefixtures("woken")
GRACE = "grace@example.com"


@pytest.fixture
def grace(workspace: Workspace) -> User:
    return person(workspace, "viewer", "grace")[0]


@pytest.fixture
def run(actor: Actor, grace: User) -> Run:
    fields = [{"name": "amount", "type": "number", "required": True}]
    message = "Pay <script>alert(1)</script>?"
    return waiting_run(actor, {"message": message, "fields": fields, "assignees": [GRACE]})


def path_of(run: Run, email: str = GRACE) -> str:
    return urlsplit(link_address(approval_of(run), email)).path


def token_of(run: Run, email: str = GRACE) -> str:
    return path_of(run, email).rstrip("/").rpartition("/")[2]


def test_looking_shows_the_question_without_signing_in_and_decides_nothing(run: Run) -> None:
    for method in ("get", "head", "get"):
        response = getattr(Client(), method)(path_of(run))
        assert response.status_code == 200
    content = response.content.decode()
    assert "Pay &lt;script&gt;alert(1)&lt;/script&gt;?" in content
    assert 'name="input-amount"' in content
    assert "You decide as grace@example.com" in content
    assert "no-store" in response["Cache-Control"]
    assert response["X-Robots-Tag"] == "noindex"
    assert approval_of(run).state == "open"


def test_a_post_decides_in_the_name_of_the_address(run: Run, grace: User) -> None:
    body = {"decision": "approve", "comment": "<i>Fine</i>", "input-amount": "7"}
    response = Client().post(path_of(run), body, follow=True)
    content = response.content.decode()
    assert "Grace approved this on" in content
    assert "by the link in an e-mail." in content
    assert "&lt;i&gt;Fine&lt;/i&gt;" in content
    approval = approval_of(run)
    assert (approval.decided_via, approval.decided_by_id) == ("link", grace.id)
    assert approval.decider == {
        "id": str(grace.id),
        "email": GRACE,
        "name": "Grace",
        "via": "link",
    }
    event = AuditEvent.objects.get(action="run.approve")
    assert (event.actor, event.details["via"]) == ("grace@example.com (link)", "link")


def test_a_post_needs_the_pages_own_form(run: Run) -> None:
    client = Client(enforce_csrf_checks=True)
    body = {"decision": "reject"}
    assert client.post(path_of(run), body).status_code == 403
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(path_of(run)).text)
    assert found
    assert client.post(path_of(run), {**body, "csrfmiddlewaretoken": found[1]}).status_code == 302
    assert approval_of(run).decision == "rejected"


def test_errors_come_back_in_the_form(run: Run) -> None:
    body = {"decision": "approve", "comment": "So", "input-amount": "many"}
    response = Client().post(path_of(run), body)
    assert response.status_code == 422
    assert "Write a number" in response.text
    assert ">So</textarea>" in response.text
    partial = Client().post(path_of(run), {"decision": "approve"}, headers={"HX-Request": "true"})
    assert partial.status_code == 422
    assert "is required" in partial.text
    assert "<html" not in partial.text
    assert approval_of(run).state == "open"


def test_a_used_link_shows_what_was_decided(run: Run) -> None:
    Client().post(path_of(run), {"decision": "reject"})
    again = Client().post(path_of(run), {"decision": "approve", "input-amount": "1"}, follow=True)
    assert "Grace rejected this on" in again.text
    assert '<button type="submit"' not in again.text
    assert approval_of(run).decision == "rejected"


@pytest.mark.parametrize("change", ["cut", "letter", "other salt", "nonsense", "no approval"])
def test_a_link_that_is_not_whole_is_404_and_shows_nothing(run: Run, change: str) -> None:
    token = token_of(run)
    said = {"approval": str(approval_of(run).id), "email": GRACE}
    changed = {
        "cut": token[:-1],
        "letter": ("A" if token[3] != "A" else "B").join((token[:3], token[4:])),
        "other salt": signing.TimestampSigner(salt="else").sign_object(said),
        "nonsense": "x:y:z",
        "no approval": signing.TimestampSigner(salt="execution.approval").sign_object([1]),
    }[change]
    for method in ("get", "post"):
        response = getattr(Client(), method)(f"/approvals/by-link/{changed}/")
        assert response.status_code == 404
        assert "This link does not work" in response.text
        assert "Pay" not in response.text


def test_a_link_for_somebody_who_is_not_asked_or_has_left_is_dead(
    run: Run, grace: User, actor: Actor
) -> None:
    assert Client().get(path_of(run, "ada@example.com")).status_code == 404
    path = path_of(run)
    Membership.objects.filter(user=grace).delete()
    for response in (Client().get(path), Client().post(path, {"decision": "reject"})):
        assert response.status_code == 404
        assert "no member" in response.text
    assert approval_of(run).state == "open"


def test_a_link_of_a_deactivated_account_is_dead(run: Run, grace: User) -> None:
    User.objects.filter(id=grace.id).update(is_active=False)
    assert Client().post(path_of(run), {"decision": "reject"}).status_code == 404
    assert approval_of(run).state == "open"


def test_a_link_decides_its_own_approval_only(run: Run, actor: Actor, grace: User) -> None:
    other = waiting_run(actor, {"message": "Go?", "assignees": [GRACE]})
    with pytest.raises(LinkDead):
        decide(read_link(token_of(run)), other, "ask", [], Answer("approve"))
    assert approval_of(other).state == "open"


def test_a_link_dies_after_thirty_days(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    token, now = token_of(run), timezone.now()
    for days, alive in ((29, True), (31, False)):
        later = (now + timedelta(days=days)).timestamp()
        monkeypatch.setattr("django.core.signing.time.time", lambda later=later: later)
        if alive:
            assert read_link(token) == Link(approval_of(run).id, GRACE)
        else:
            with pytest.raises(LinkDead, match="30 days"):
                read_link(token)


def test_after_the_deadline_a_link_decides_nothing(run: Run) -> None:
    past: dict[str, Any] = {"deadline": timezone.now() - timedelta(seconds=1)}
    Approval.objects.filter(run=run).update(**past)
    path = path_of(run)
    assert "too late to decide" in Client().get(path).text
    assert "too late" in Client().post(path, {"decision": "reject"}, follow=True).text
    assert approval_of(run).state == "open"
