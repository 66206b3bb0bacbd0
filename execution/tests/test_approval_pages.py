"""The pages of approvals: the list, one with its form, and the way there from a run."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User, Workspace
from accounts.permissions import Actor
from execution.approval_models import Approval
from execution.approval_services import Answer, decide
from execution.models import Run
from execution.tests.approvals_for_tests import (
    ROLES,
    approval_of,
    ask,
    asking_for_each,
    person,
    waiting_run,
)
from execution.tests.flows_for_tests import published
from execution.tests.pages_for_tests import htmx, make_run
from flows.tests.fixtures import Api

pytestmark = pytest.mark.usefixtures("woken")
HTMX = {"HX-Request": "true"}
FIELDS = [
    {"name": "amount", "type": "number", "required": True, "default": 40},
    {"name": "text", "type": "text", "description": "Mend it <b>here</b>"},
    {"name": "urgent", "type": "boolean"},
]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(run: Run) -> str:
    return f"/approvals/{approval_of(run).id}/"


def test_the_sidebar_counts_what_the_reader_may_decide(
    visitor: Client, actor: Actor, workspace: Workspace
) -> None:
    assert "nav-count" not in visitor.get("/runs/").text
    viewer, _ = person(workspace, "viewer")
    waiting_run(actor)
    waiting_run(actor, {"message": "Go?", "assignees": [viewer.email]})
    waiting_run(actor, {"message": "Go?", "assignees": [viewer.email, "ada@example.com"]})
    assert '<span class="nav-count">2<span class="sr-only"> open' in visitor.get("/runs/").text
    assert '<span class="nav-count">2<' in signed_in(viewer).get("/settings/").text
    Approval.objects.update(state="decided")
    assert "nav-count" not in visitor.get("/runs/").text


def test_the_count_is_one_query_for_both_menus(
    visitor: Client, actor: Actor, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    waiting_run(actor)
    with django_assert_max_num_queries(7) as captured:
        visitor.get("/approvals/?state=cancelled")
    counts = [sql for sql in (q["sql"] for q in captured) if "approval" in sql and "LIMIT" in sql]
    assert len(counts) == 1


def test_the_list_shows_what_waits_for_the_reader_and_all_when_asked(
    visitor: Client, actor: Actor
) -> None:
    mine = waiting_run(actor, {"message": "Pay <b>it</b>?"}, label="The payment")
    others = waiting_run(actor, {"message": "Hire?", "assignees": ["else@example.com"]})
    over = waiting_run(actor, {"message": "Fire?"})
    decide(actor, over, "ask", [], Answer("reject"))
    listed = visitor.get("/approvals/").text
    assert "The payment" in listed
    assert "Pay &lt;b&gt;it&lt;/b&gt;?" in listed
    assert page_of(mine) in listed
    assert page_of(others) not in listed
    assert page_of(others) in htmx(visitor, "/approvals/?who=all")
    assert page_of(over) not in htmx(visitor, "/approvals/")
    assert "Rejected" in htmx(visitor, "/approvals/?state=decided")
    assert page_of(mine) not in htmx(visitor, f"/approvals/?state=any&run={over.id}")
    assert visitor.get("/approvals/?state=x&who=x&run=x&page=99").status_code == 200


def test_a_question_is_plain_text_with_its_form(visitor: Client, actor: Actor) -> None:
    config = {"message": "**Pay** <img src=x onerror=alert(1)>\n{{ x }}", "fields": FIELDS}
    run = waiting_run(actor, config)
    content = visitor.get(page_of(run)).text
    assert "**Pay** &lt;img src=x onerror=alert(1)&gt;\n{{ x }}" in content
    assert 'name="input-amount" id="input-amount" value="40" required' in content
    assert "Mend it &lt;b&gt;here&lt;/b&gt;" in content
    assert f"/runs/{run.id}/#step-ask" in content
    assert "Approve</button>" in content
    assert "formnovalidate" in content


def test_approving_decides_and_shows_who_did(visitor: Client, actor: Actor) -> None:
    run = waiting_run(actor, {"message": "Pay?", "fields": FIELDS})
    body = {
        "decision": "approve",
        "comment": "<script>alert(1)</script>\r\nFine",
        "input-amount": "12.5",
        "input-text": "Tea",
        "input-urgent": "on",
    }
    answer = visitor.post(page_of(run), body, headers=HTMX)
    assert answer["HX-Redirect"] == page_of(run)
    approval = approval_of(run)
    assert approval.data == {"amount": 12.5, "text": "Tea", "urgent": True}
    assert (approval.decision, approval.decided_via) == ("approved", "page")
    content = visitor.get(page_of(run)).text
    assert "ada@example.com approved this on" in content
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\nFine" in content
    assert '<form method="post" action="/approvals' not in content


def test_rejecting_needs_no_fields_and_works_without_scripts(visitor: Client, actor: Actor) -> None:
    run = waiting_run(actor, {"message": "Pay?", "fields": FIELDS})
    response = visitor.post(page_of(run), {"decision": "reject", "input-amount": ""}, follow=True)
    assert response.redirect_chain == [(page_of(run), 302)]
    assert "Rejected. The run goes on." in response.text
    assert approval_of(run).decision == "rejected"


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"decision": "approve", "input-amount": ""}, "is required"),
        ({"decision": "approve", "input-amount": "many"}, "Write a number"),
        ({"decision": "shrug", "input-amount": "1"}, "Choose: approve or reject."),
        ({"decision": "approve", "input-amount": "1", "comment": "x" * 10_001}, "10,000"),
    ],
)
def test_errors_come_back_in_the_form_with_what_was_typed(
    visitor: Client, actor: Actor, body: dict[str, str], said: str, headers: dict[str, str]
) -> None:
    fields = [{"name": "amount", "type": "number", "required": True}]
    run = waiting_run(actor, {"message": "Pay?", "fields": fields})
    response = visitor.post(page_of(run), {"input-text": "Tea", **body}, headers=headers)
    assert response.status_code == 422
    assert said in response.text
    assert ("<html" in response.text) is not headers
    assert approval_of(run).state == "open"


def test_a_decision_that_came_too_late_says_who_was_first(
    visitor: Client, actor: Actor, workspace: Workspace
) -> None:
    run = waiting_run(actor)
    _, grace = person(workspace, "builder", "grace")
    decide(grace, run, "ask", [], Answer("approve"))
    response = visitor.post(page_of(run), {"decision": "reject"}, follow=True)
    assert response.text.count("Grace approved this on") >= 2
    assert approval_of(run).decision == "approved"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("named", [False, True])
def test_pages_let_decide_whom_the_service_lets(
    actor: Actor, workspace: Workspace, role: str, named: bool
) -> None:
    user, _ = person(workspace, role)
    run = waiting_run(actor, {"message": "Go?", "assignees": [user.email] if named else []})
    client, may = signed_in(user), named or role != "viewer"
    page = client.get(page_of(run))
    assert page.status_code == 200
    assert ("Approve</button>" in page.text) is may
    assert ("Others decide this" in page.text) is not may
    answer = client.post(page_of(run), {"decision": "approve"})
    assert answer.status_code == (302 if may else 403)
    assert approval_of(run).state == ("decided" if may else "open")


def test_another_workspaces_approval_is_404(actor: Actor, stranger: Api) -> None:
    run = waiting_run(actor)
    eve = signed_in(User.objects.get(email="eve@example.com"))
    assert eve.get(page_of(run)).status_code == 404
    assert eve.post(page_of(run), {"decision": "approve"}).status_code == 404
    assert page_of(run) not in eve.get("/approvals/?who=all&state=any").text
    assert Client().get(page_of(run)).status_code == 302
    assert approval_of(run).state == "open"


def test_the_page_says_why_nobody_was_written_to(visitor: Client, actor: Actor) -> None:
    config = {"message": "Go?", "assignees": ["ada@example.com", "else@example.com"]}
    run = waiting_run(actor, config)
    content = visitor.get(page_of(run)).text
    assert "no mail server is set up" in content
    assert "else@example.com: no member" in content
    Approval.objects.update(notified_at=timezone.now())
    assert "Written to on" in visitor.get(page_of(run)).text


def test_a_deadline_that_passed_closes_the_form(visitor: Client, actor: Actor) -> None:
    run = waiting_run(actor, {"message": "Go?", "timeout_seconds": 60})
    Approval.objects.update(deadline=timezone.now() - timedelta(seconds=1))
    content = visitor.get(page_of(run)).text
    assert "too late to decide" in content
    assert "Approve</button>" not in content


def test_a_waiting_step_of_a_run_leads_to_its_question(
    visitor: Client, actor: Actor, workspace: Workspace
) -> None:
    run = waiting_run(actor, {"message": "Go?", "timeout_seconds": 60})
    for path in (f"/runs/{run.id}/", f"/runs/{run.id}/steps/ask/"):
        content = visitor.get(path).text
        assert 'data-step="ask" data-state="waiting"' in content
        assert f'href="{page_of(run)}"' in content
        assert "Look and decide" in content
    viewer, _ = person(workspace, "viewer")
    assert "Look at the question" in signed_in(viewer).get(f"/runs/{run.id}/").text
    Approval.objects.update(state="decided")
    assert page_of(run) not in visitor.get(f"/runs/{run.id}/").text


def test_a_step_with_several_questions_leads_to_the_list(visitor: Client, actor: Actor) -> None:
    run = make_run(published(actor, asking_for_each()), "running", last_seq=1)
    for index in (0, 1):
        ask(run, path=["rows", index])
    content = visitor.get(f"/runs/{run.id}/").text
    assert f"/approvals/?run={run.id}&amp;who=all" in content
    assert _rows(visitor, f"/approvals/?run={run.id}&who=all") == 2


def _rows(visitor: Client, path: str) -> Any:
    return htmx(visitor, path).count("cover-link")
