"""Maintenance: nothing new is taken and everybody is told, what runs and who operates go on."""

import asyncio
import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.authentication.signing_up import SignupMode, signup_mode
from accounts.models import AuditEvent, User, Workspace
from accounts.operators.operating import COMMAND
from accounts.operators.services import begin_maintenance, change_setting, end_maintenance
from accounts.permissions import Actor
from execution.live import page_socket
from execution.tests.flows_for_tests import published
from execution.tests.sockets_for_tests import Socket, apart
from flows.tests.fixtures import (  # noqa: F401
    GREETING,
    Api,
    actor,
    api,
    assert_problem,
    make_api,
    owner,
    visitor,
    workspace,
)
from fluxprompt.api.asgi import with_api
from fluxprompt.api.tests.test_asgi import Caller
from fluxprompt.security_headers import HEADERS


@pytest.fixture
def maintained(db: None) -> None:
    end = timezone.now() + timedelta(minutes=10)
    begin_maintenance(COMMAND, message="New <b>disks</b>.", expected_end=end)


@pytest.mark.usefixtures("maintained")
def test_pages_say_what_is_going_on_and_when_to_come_back(visitor: Client) -> None:  # noqa: F811
    for method in ("get", "post"):
        answer = getattr(visitor, method)("/")
        assert answer.status_code == 503
        assert 500 < int(answer["Retry-After"]) <= 600
        assert "New &lt;b&gt;disks&lt;/b&gt;." in answer.content.decode()
        assert "(UTC)" in answer.content.decode()
        assert answer["Cache-Control"] == "no-store"
        assert [name for name in HEADERS if name not in answer.headers] == []
        assert "unsafe-inline" not in answer["Content-Security-Policy"]


@pytest.mark.usefixtures("maintained")
def test_calls_get_a_problem(api: Api, client: Client) -> None:  # noqa: F811
    for answer in (
        api.get("/flows"),
        client.get("/api/v1/flows"),
        client.post("/hooks/abc", {}, content_type="application/json"),
        client.post("/flows/x/changes/", {}, content_type="application/json"),
    ):
        told = assert_problem(answer, 503, "maintenance")
        assert told["detail"].startswith("New <b>disks</b>. Expected to end at ")
        assert int(answer["Retry-After"]) > 500


@pytest.mark.usefixtures("maintained")
def test_health_sign_in_and_the_console_stay_open(client: Client) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json()["checks"]["database"]["ok"]
    assert client.get("/accounts/login/").status_code == 200
    assert client.get("/admin/").status_code == 302
    client.force_login(User.objects.create_superuser("root@example.com", "x"))
    assert client.get("/admin/").status_code == 200
    assert client.get("/").status_code == 503


@pytest.mark.usefixtures("maintained")
def test_nobody_new_comes_in(client: Client) -> None:
    change_setting(COMMAND, "signup", "open")
    assert client.get("/accounts/signup/").status_code == 503
    # By a provider's sign-in neither.
    assert signup_mode() is SignupMode.CLOSED


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("without_examples")
def test_the_short_way_of_keys_and_the_site_say_the_same(api: Api) -> None:  # noqa: F811
    async def answers() -> list[tuple[int, dict[str, str], bytes]]:
        app = with_api(get_asgi_application())
        return [await Caller(app, key)("GET", "/api/v1/me") for key in (api, None)]

    begin_maintenance(COMMAND)
    for status, headers, body in asyncio.run(answers()):
        assert (status, b'"maintenance"' in body) == (503, True)
        names = {name.lower() for name in headers}
        assert {name.lower() for name in HEADERS} | {"content-security-policy"} <= names
    end_maintenance(COMMAND)
    assert [status for status, _, _ in asyncio.run(answers())] == [200, 401]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("without_examples")
def test_open_editors_are_told_that_it_begins_and_ends(
    actor: Actor,  # noqa: F811
    owner: tuple[User, Workspace],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page_socket, "TELL_EVERY", 0.05)
    flow = published(actor, GREETING)

    def begin(message: str) -> None:
        begin_maintenance(COMMAND, message=message)

    def end() -> None:
        end_maintenance(COMMAND)

    async def follow() -> list[Any]:
        socket = Socket(flow, owner[0])
        await socket.open()
        await asyncio.to_thread(apart, begin, "New disks.")
        told = [await socket.next(lambda frame: "maintenance" in frame)]
        await asyncio.to_thread(apart, end)
        told.append(await socket.next(lambda frame: "maintenance" in frame))
        await socket.close()
        return told

    assert asyncio.run(follow()) == [{"maintenance": "New disks."}, {"maintenance": None}]


def _said(*words: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command("maintenance", *words, stdout=out, **options)
    return out.getvalue().strip()


def test_a_command_begins_and_ends_it(db: None) -> None:
    assert _said() == "off"
    assert "Nothing new is taken" in _said("on", message="New disks.", minutes=30)
    assert _said().startswith("on: New disks. Expected to end at ")
    assert _said("off") == "Everything is taken again."
    assert _said("off") == "It was off."
    for minutes in (-1.0, float("nan"), float("inf")):
        with pytest.raises(CommandError, match="--minutes"):
            _said("on", minutes=minutes)
    events = AuditEvent.objects.filter(action__startswith="maintenance.").order_by("at")
    assert [(event.action, event.via) for event in events] == [
        ("maintenance.begin", "command"),
        ("maintenance.end", "command"),
    ]


def test_a_banner_stands_above_every_page(visitor: Client) -> None:  # noqa: F811
    assert "site-banner" not in visitor.get("/").content.decode()
    change_setting(COMMAND, "banner", "Moving on <Friday>")
    for page in ("/", "/settings/"):
        answer = visitor.get(page, follow=True).content.decode()
        assert "Moving on &lt;Friday&gt;" in answer
    assert "Moving on" in Client().get("/accounts/login/").content.decode()
