"""Rows S5, S11, S15 and S16: what is open without a sign-in, and how often it may be tried."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from allauth.account.forms import default_token_generator
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts import limits
from accounts.access import ACCESS, OPERATOR, PUBLIC, needs
from accounts.addresses import client_address, network_of
from accounts.checks import settings_are_usable
from accounts.models import RateCount, User
from flows.tests.fixtures import GREETING, Api, assert_problem
from fluxprompt.api.openapi import document
from fluxprompt.asgi import application
from fluxprompt.embedded.temporal import server

PASSWORD = "correct horse battery"
FOREIGN = {"Origin": "https://evil.example"}


@pytest.fixture(autouse=True)
def nothing_counted(db: None) -> None:
    cache.clear()
    RateCount.objects.all().delete()


@pytest.fixture
def person(without_examples: None, settings: Any) -> User:
    settings.FLUX_MAIL_REACHES_PEOPLE = True
    return User.objects.create_user("ada@example.com", PASSWORD)


def test_s5_no_public_address_takes_a_graph(anonymous: Api) -> None:
    """What runs is named by its id; a document can only be sent by those who may edit."""
    open_calls = [name for name, row in ACCESS.items() if PUBLIC in needs(row).values()]
    assert [name for name in open_calls if "flow" in name or "run" in name] == []
    takes_a_document = [
        (path, method)
        for path, calls in document()["paths"].items()
        for method, call in calls.items()
        if '"document"' in json.dumps(call.get("requestBody", {}))
        or "FlowDocument" in json.dumps(call.get("requestBody", {}))
    ]
    assert ("/api/v1/flows", "post") in takes_a_document
    for path, method in takes_a_document:
        address = re.sub(r"\{\w+\}", "x", path)
        assert anonymous(method.upper(), address, {"document": GREETING}).status_code == 401, path
    start = document()["paths"]["/api/v1/flows/{flow}/runs"]["post"]["requestBody"]
    assert "nodes" not in json.dumps(start["content"]["application/json"]["schema"])


def test_s5_a_run_does_not_take_a_graph_from_who_starts_it(api: Api) -> None:
    api.post("/flows", {"document": GREETING})
    sent = {"inputs": {"name": "x"}, "document": GREETING, "nodes": GREETING["nodes"]}
    assert_problem(api.post("/flows/greeting/runs", sent), 422, "unknown_field")


def test_s11_nobody_is_there_after_an_installation() -> None:
    call_command("migrate", verbosity=0)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/me", "/api/schema/", "/accounts/login/", "/healthz"]
)
def test_s11_no_page_of_another_origin_may_read_an_answer(path: str, visitor: Client) -> None:
    for method in ("get", "options"):
        answer = getattr(visitor, method)(path, headers=FOREIGN)
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_s11_a_reset_link_works_once_and_expires(person: User, settings: Any) -> None:
    client = Client()
    client.post(reverse("account_reset_password"), {"email": person.email})
    link = re.search(r"/accounts/password/reset/key/\S+", str(mail.outbox[0].body))
    assert link is not None
    form = client.get(link[0], follow=True)
    set_to = {"password1": "another horse battery", "password2": "another horse battery"}
    used = client.post(form.redirect_chain[-1][0], set_to, follow=True)
    assert used.status_code == 200
    person.refresh_from_db()
    assert person.check_password("another horse battery")
    again = Client().get(link[0], follow=True)
    assert "password1" not in again.content.decode()
    # And a link that nobody used is of no use after its time.
    token = default_token_generator.make_token(person)
    assert default_token_generator.check_token(person, token)
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert not default_token_generator.check_token(person, token)


def test_s11_who_asks_for_a_reset_learns_not_who_exists(person: User) -> None:
    answers = [
        Client().post(reverse("account_reset_password"), {"email": address})
        for address in (person.email, "nobody@example.com")
    ]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {
        (302, reverse("account_reset_password_done"))
    }


def test_s15_a_password_cannot_be_guessed_for_long(person: User) -> None:
    client = Client()
    wrong = {"login": person.email, "password": "wrong"}
    for _ in range(5):
        assert client.post(reverse("account_login"), wrong).status_code == 200
    right = {"login": person.email, "password": PASSWORD}
    # Also from another address, and although it is the right one now.
    answer = client.post(reverse("account_login"), right, REMOTE_ADDR="198.51.100.7")
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session
    assert "Too many" in answer.content.decode()


def test_s15_a_stolen_session_ends_with_signing_out(person: User, settings: Any) -> None:
    client = Client()
    client.get(reverse("account_login"))
    client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    stolen = Client()
    stolen.cookies[settings.SESSION_COOKIE_NAME] = cookie.value
    assert "_auth_user_id" in stolen.session
    client.post(reverse("account_logout"))
    assert stolen.get("/")["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize(
    ("door", "path", "method", "headers"),
    [
        ("api_key", "/api/v1/me", "get", {"Authorization": "Bearer flux_wrong"}),
        ("approval_link", "/approvals/by-link/x/", "get", {}),
        ("setup_link", "/setup/x/", "get", {}),
        ("codec", "/temporal-codec/decode", "post", {"Origin": "http://127.0.0.1:1"}),
    ],
)
def test_s15_a_door_that_is_tried_too_often_says_when_to_come_again(
    door: str, path: str, method: str, headers: dict[str, str], settings: Any
) -> None:
    settings.FLUX_RATE_LIMITS = {door: "2/h"}
    ask = getattr(Client(), method)
    said = [ask(path, headers=headers).status_code for _ in range(3)]
    assert said[2] == 429
    assert 429 not in said[:2]
    answer = ask(path, headers=headers)
    assert 0 < int(answer["Retry-After"]) <= 3601
    # Somebody else is not held up.
    assert ask(path, headers=headers, REMOTE_ADDR="198.51.100.9").status_code == said[0]


def test_s15_a_right_key_passes_where_wrong_ones_were_tried(api: Api, settings: Any) -> None:
    settings.FLUX_RATE_LIMITS = {"api_key": "1/h"}
    for _ in range(3):
        answer = Api("flux_wrong").get("/me")
    assert_problem(answer, 429, "throttled")
    assert api.get("/me").status_code == 200


def test_every_door_of_ours_has_a_limit_that_can_be_read(settings: Any) -> None:
    assert all(limits.rate(door)[0] > 0 for door in limits.DEFAULTS)
    settings.FLUX_RATE_LIMITS = {"codec": "often", "nothing": "1/m"}
    settings.FLUX_TRUSTED_PROXIES = ["here"]
    found = {error.id for error in settings_are_usable(None)}
    assert {"accounts.E006", "accounts.E007", "accounts.E008"} <= found


@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "address"),
    [
        ([], "10.0.0.1", "203.0.113.9", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (["10.0.0.0/8"], "203.0.113.9", "1.1.1.1", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "nonsense", "10.0.0.1"),
        (["10.0.0.0/8"], "::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ([], "", "203.0.113.9", ""),
    ],
)
def test_an_address_is_believed_from_named_proxies_only(
    trusted: list[str], remote: str, forwarded: str, address: str, settings: Any
) -> None:
    settings.FLUX_TRUSTED_PROXIES = trusted
    meta = {"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(meta) == address


def test_of_ipv6_the_whole_network_counts_as_one() -> None:
    seen = {network_of({"REMOTE_ADDR": f"2001:db8::{end}"}) for end in (1, "f:2")}
    assert seen == {"2001:db8::/64"}


def test_s16_what_temporal_holds_is_for_operators(visitor: Client, settings: Any) -> None:
    assert needs(ACCESS["temporal-codec-decode"]) == {"POST": OPERATOR}
    origin = {"Origin": settings.TEMPORAL_UI_URL}
    asked = visitor.post(
        "/temporal-codec/decode", {"payloads": []}, "application/json", headers=origin
    )
    assert asked.status_code == 403


def test_s16_no_page_of_a_customer_names_the_temporal_ui(visitor: Client, settings: Any) -> None:
    settings.TEMPORAL_UI_URL = "http://127.0.0.1:8299"
    for path in ("/", "/runs/", "/settings/", "/templates/", "/approvals/"):
        answer = visitor.get(path, follow=True)
        assert answer.status_code == 200
        assert "8299" not in answer.content.decode()
        assert "8299" not in answer["Content-Security-Policy"]


def test_s16_the_temporal_of_a_copy_listens_on_loopback_only(tmp_path: Path) -> None:
    made = server(port=7233, ui_port=8233, database=tmp_path / "x.db", log=tmp_path / "log")
    said = " ".join(map(str, made.argv))
    assert re.findall(r"--(?:ui-)?ip[ =](\S+)", said) == ["127.0.0.1", "127.0.0.1"]


def test_behind_https_browsers_are_told_to_stay_there(settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.ALLOWED_HOSTS = ["testserver"]
    for path in ("/healthz", "/api/v1/me", "/nothing/", "/accounts/login/"):
        answer = Client().get(path, secure=True)
        assert answer["Strict-Transport-Security"] == "max-age=31536000", path


@pytest.mark.parametrize("name", ["account_login", "account_reset_password", "account_signup"])
def test_a_next_that_is_no_address_leads_nowhere_and_breaks_nothing(db: None, name: str) -> None:
    client, words = Client(raise_request_exception=False), {"next": "http://[::1"}
    assert client.get(reverse(name), words).status_code == 200
    assert client.post(reverse(name), words).status_code == 200


def test_a_path_that_nothing_listens_at_is_refused_and_no_error_of_ours() -> None:
    sent: list[dict[str, Any]] = []
    messages = iter(({"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006}))

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return next(messages)

    headers = [(b"host", b"localhost:8000"), (b"origin", b"http://localhost:8000")]
    scope = {"type": "websocket", "path": "/ws/nothing/", "query_string": b"", "headers": headers}
    asyncio.run(application({**scope, "client": ("203.0.113.9", 1)}, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
