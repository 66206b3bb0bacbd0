"""Mail to the assignees of an approval, over a real socket: each once, and later where it fails."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Workspace
from accounts.permissions import Actor
from execution.approval_links import read_link
from execution.approval_mail import send_approval_mails
from execution.approval_models import Approval
from execution.approval_services import Answer, decide
from execution.approval_sweeps import _unsent
from execution.models import Run
from execution.tests.approvals_for_tests import approval_of, person, waiting_run
from flows.models import Flow
from tests.support.mail_server import MailServer

pytestmark = pytest.mark.usefixtures("woken")


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with MailServer() as running:
        settings.MAILERS = running.mailers
        settings.FLUX_MAIL_REACHES_PEOPLE = True
        settings.FLUX_PUBLIC_URL = "https://flux.example.com/"
        yield running


def asked(actor: Actor, *addresses: str, **config: Any) -> Run:
    return waiting_run(actor, {"message": "Go?", "assignees": list(addresses), **config})


def send(run: Run) -> int:
    return send_approval_mails(str(run.id), "ask", [])


def test_each_assignee_gets_a_link_of_their_own_once(
    actor: Actor, workspace: Workspace, server: MailServer
) -> None:
    person(workspace, "viewer", "grace")
    message = "Pay <b>40</b> € ?\n.\nSee {{ 1+1 }}"
    run = asked(
        actor, "ada@example.com", "grace@example.com", message=message, timeout_seconds=3600
    )
    Flow.objects.filter(id=run.flow_id).update(name="Refunds\nBcc: eve@example.com")
    assert send(run) == 2
    assert send(run) == 0
    assert sorted(server.recipients) == ["ada@example.com", "grace@example.com"]
    assert server.connections == 1
    approval = approval_of(run)
    assert approval.notified_at is not None
    for address, mail in server.mails:
        assert mail["Subject"] == "Approval needed: Refunds Bcc: eve@example.com"
        assert mail["Bcc"] is None
        assert mail["To"] == address
        assert mail["From"].endswith("@127.0.0.1>")
        text = mail.get_content().replace("\r\n", "\n")
        assert message in text
        assert "Without a decision it is rejected then." in text
        found = re.search(r"https://flux\.example\.com/approvals/by-link/(\S+)/", text)
        assert found
        link = read_link(found[1])
        assert (link.approval_id, link.email) == (approval.id, address)


def test_strangers_are_never_written_to(actor: Actor, server: MailServer) -> None:
    run = asked(actor, "stranger@elsewhere.org", "ada@example.com")
    assert send(run) == 1
    assert server.recipients == ["ada@example.com"]


def test_nobody_is_written_to_where_nobody_in_particular_is_asked(
    actor: Actor, server: MailServer
) -> None:
    assert send(asked(actor)) == 0
    assert server.connections == 0


def test_what_is_decided_already_is_not_written_about(actor: Actor, server: MailServer) -> None:
    run = asked(actor, "ada@example.com")
    decide(actor, run, "ask", [], Answer("approve"))
    assert send(run) == 0


def test_without_a_mail_server_nothing_is_sent_and_nothing_claimed(
    actor: Actor, mailoutbox: list[Any]
) -> None:
    run = asked(actor, "ada@example.com")
    assert send(run) == 0
    assert mailoutbox == []
    assert approval_of(run).notified_at is None


def test_an_address_refused_for_good_holds_up_no_other(
    actor: Actor, workspace: Workspace, server: MailServer
) -> None:
    person(workspace, "viewer", "grace")
    server.answer = lambda address: "550 no such box" if "ada" in address else "250 OK"
    run = asked(actor, "ada@example.com", "grace@example.com")
    assert send(run) == 1
    assert server.recipients == ["grace@example.com"]
    assert approval_of(run).notified_at is not None


def test_after_a_passing_refusal_only_who_is_left_is_written_to(
    actor: Actor, workspace: Workspace, server: MailServer
) -> None:
    person(workspace, "viewer", "grace")
    run = asked(actor, "ada@example.com", "grace@example.com")
    server.answer = lambda address: "450 later" if "grace" in address else "250 OK"
    assert send(run) == 1
    assert approval_of(run).notified_at is None
    server.answer = lambda address: "250 OK"
    assert send(run) == 1
    assert server.recipients == ["ada@example.com", "grace@example.com"]


def test_a_server_that_is_away_is_asked_later(
    actor: Actor, server: MailServer, settings: Any
) -> None:
    run = asked(actor, "ada@example.com")
    settings.MAILERS = {"default": {**server.mailers["default"]}}
    settings.MAILERS["default"]["OPTIONS"] = {"host": "127.0.0.1", "port": 1, "timeout": 5}
    assert send(run) == 0
    assert approval_of(run).notified_at is None
    settings.MAILERS = server.mailers
    assert send(run) == 1


def test_what_is_left_is_sent_later_but_not_for_ever(actor: Actor, server: MailServer) -> None:
    _, left, old = (asked(actor, "ada@example.com") for _ in range(3))
    now = timezone.now()
    Approval.objects.filter(run=left).update(created_at=now - timedelta(minutes=1))
    Approval.objects.filter(run=old).update(created_at=now - timedelta(days=4))
    assert [place.run_id for place in _unsent()] == [left.id]
    send(left)
    assert _unsent() == []
