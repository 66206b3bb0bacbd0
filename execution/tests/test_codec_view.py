"""The codec endpoint: operators' Temporal UI only."""

import base64
import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client
from temporalio.api.common.v1 import Payload

from accounts.models import AuditEvent, User
from execution.codec import encrypt

ORIGIN = {"Origin": "http://127.0.0.1:8233"}
DECODE = "/temporal-codec/decode"


def _sealed(data: bytes) -> dict[str, Any]:
    payload = encrypt(Payload(metadata={"encoding": b"json/plain"}, data=data))
    return {
        "metadata": {k: base64.b64encode(v).decode() for k, v in payload.metadata.items()},
        "data": base64.b64encode(payload.data).decode(),
    }


@pytest.fixture(autouse=True)
def _ui_address(settings: Any) -> None:
    settings.TEMPORAL_UI_URL = ORIGIN["Origin"]


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    client = Client(enforce_csrf_checks=True)
    person = User.objects.create_user("op@example.com", "x", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_run_data"))
    client.force_login(person)
    return client


def _post(client: Client, body: Any, headers: dict[str, str] = ORIGIN) -> Any:
    return client.post(DECODE, body, content_type="application/json", headers=headers)


def test_s16_an_operator_who_may_not_see_runs_reads_nothing(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("help@example.com", "x", is_staff=True))
    assert _post(client, {"payloads": [_sealed(b'"secret plan"')]}).status_code == 403


def test_an_operator_reads_what_temporal_stores(operator: Client) -> None:
    answer = _post(operator, {"payloads": [_sealed(b'"secret plan"')]})
    assert answer.status_code == 200
    (payload,) = answer.json()["payloads"]
    assert base64.b64decode(payload["data"]) == b'"secret plan"'
    assert answer["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
    assert answer["Access-Control-Allow-Credentials"] == "true"
    assert "no-store" in answer["Cache-Control"]


def test_s16_decoding_wants_the_second_factor_that_the_console_wants(
    operator: Client, settings: Any
) -> None:
    settings.FLUX_OPERATORS_NEED_2FA = True
    sent = {"payloads": [_sealed(b'"secret plan"')]}
    answer = _post(operator, sent)
    assert (answer.status_code, "payloads" in answer.json()) == (403, False)
    assert "second factor" in answer.json()["message"]
    person = User.objects.get(email="op@example.com")
    Authenticator.objects.create(user=person, type="totp", data={"secret": "x"})
    assert _post(operator, sent).status_code == 200


def test_s16_the_trail_says_who_decoded_once_in_a_while(operator: Client, settings: Any) -> None:
    for _ in range(3):
        assert _post(operator, {"payloads": [_sealed(b"1")]}).status_code == 200
    event = AuditEvent.objects.get(action="run_data.decode")
    assert event.actor == "operator op@example.com"
    cache.clear()  # As when the time is over.
    _post(operator, {"payloads": [_sealed(b"1")]})
    assert AuditEvent.objects.filter(action="run_data.decode").count() == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8233.evil.example"},
        {"Origin": "http://127.0.0.1:8000"},
    ],
)
def test_s16_no_other_origin_gets_an_answer(operator: Client, headers: dict[str, str]) -> None:
    answer = _post(operator, {"payloads": [_sealed(b"1")]}, headers)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.parametrize("staff", [None, False])
def test_s16_who_is_no_operator_reads_nothing(client: Client, db: None, staff: bool | None) -> None:
    if staff is not None:
        client.force_login(User.objects.create_user("x@example.com", "x", is_staff=staff))
    answer = _post(client, {"payloads": [_sealed(b'"plan"')]})
    assert answer.status_code == 403
    assert "operator" in answer.json()["message"]


def test_the_browser_may_ask_first(client: Client, db: None) -> None:
    answer = client.options(
        DECODE, headers={**ORIGIN, "Access-Control-Request-Headers": "content-type,x-namespace"}
    )
    assert answer.status_code == 204
    assert "x-namespace" in answer["Access-Control-Allow-Headers"]


def test_s16_nothing_is_encoded_here(operator: Client) -> None:
    answer = operator.post(
        "/temporal-codec/encode", {"payloads": []}, content_type="application/json", headers=ORIGIN
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '{"payloads": 1}', '{"payloads": [1]}', '{"payloads": [{"data": 1}]}']
)
def test_what_is_no_payload_is_refused(operator: Client, body: str) -> None:
    assert _post(operator, body).status_code == 400


def test_a_payload_of_a_lost_key_says_so(operator: Client, settings: Any) -> None:
    sealed = _sealed(b"1")
    settings.FLUX_SECRET_KEYS = [base64.urlsafe_b64encode(b"k" * 32).decode()]
    answer = _post(operator, json.dumps({"payloads": [sealed]}))
    assert answer.status_code == 422
    assert "FLUX_SECRET_KEYS" in answer.json()["message"]
