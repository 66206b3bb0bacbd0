"""API keys are held to their scopes and limits, and no key gives away more than it has."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, AuditEvent, RateCount, User
from accounts.permissions import Actor
from accounts.services import create_api_key

type Call = Callable[..., Any]
ALL = ("keys:write", "runs:read")


@pytest.fixture
def call(actor: Actor, client: Client) -> Call:
    """Calls the API with a key; the last word is the token."""

    def made(method: str, path: str, body: Any = None, *, token: str) -> Any:
        return client.generic(
            method,
            f"/api/v1{path}",
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )

    return made


def test_a_limited_key_is_refused_with_the_time_to_wait_and_has_a_new_minute_later(
    actor: Actor, call: Call
) -> None:
    key, token = create_api_key(actor, name="ci", requests_per_minute=2)
    first, second, third = (call("GET", "/me", token=token) for _ in range(3))
    assert first["RateLimit-Policy"] == '"minute";q=2;w=60'
    assert first["RateLimit"].startswith('"minute";r=1;t=')
    assert second["RateLimit"].startswith('"minute";r=0;t=')
    assert (third.status_code, third.json()["code"]) == (429, "key_rate_exceeded")
    assert 1 <= int(third["Retry-After"]) <= 60
    assert third["RateLimit"] == f'"minute";r=0;t={third["Retry-After"]}'
    RateCount.objects.filter(key=key.id).update(began_at=timezone.now() - timedelta(seconds=61))
    assert call("GET", "/me", token=token)["RateLimit"].startswith('"minute";r=1;t=')


def test_a_key_without_a_limit_is_not_counted(actor: Actor, call: Call) -> None:
    _, token = create_api_key(actor, name="ci")
    assert "RateLimit" not in call("GET", "/me", token=token)
    assert not RateCount.objects.exists()


def test_last_use_is_kept_with_its_address(actor: Actor, call: Call) -> None:
    key, token = create_api_key(actor, name="ci")
    call("GET", "/me", token=token)
    key.refresh_from_db()
    assert key.last_used_at is not None
    assert key.last_used_ip == "127.0.0.1"


def test_keys_are_made_listed_changed_and_revoked_by_the_api(actor: Actor, call: Call) -> None:
    _, token = create_api_key(actor, name="root", scopes=ALL)
    asked = {"name": "shop", "scopes": ["runs:read"], "monthly_budget": "2.5"}
    made = call("POST", "/keys", asked, token=token)
    assert made.status_code == 201
    shop = made.json()
    assert shop["token"].startswith(f"flux_{shop['prefix']}_")
    assert (shop["monthly_budget"], shop["spent_this_month"]) == ("2.5000", "0.00000000")
    listed = call("GET", "/keys", token=token).json()["results"]
    assert [key["name"] for key in listed] == ["shop", "root"]
    assert "token" not in listed[0]
    address = f"/keys/{shop['id']}"
    changed = call("PATCH", address, {"requests_per_minute": 5, "name": "till"}, token=token)
    assert (changed.json()["requests_per_minute"], changed.json()["name"]) == (5, "till")
    assert call("DELETE", address, token=token).status_code == 204
    assert call("GET", "/me", token=shop["token"]).status_code == 401
    assert call("DELETE", address, token=token).status_code == 404
    events = AuditEvent.objects.filter(action__startswith="key.", target_id=shop["id"])
    via = {event.via for event in events}
    assert [event.action for event in events] == ["key.revoke", "key.change", "key.create"]
    assert via == {f"flux_{token[5:13]}…"}
    assert {event.ip for event in events} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"scopes": ["runs:write"]}, "scopes"),
        ({"scopes": ["nonsense"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "runs:read"}, "scopes"),
        ({"expires_at": None}, "expires_at"),
        ({"requests_per_minute": 11}, "requests_per_minute"),
        ({"requests_per_minute": None}, "requests_per_minute"),
        ({"requests_per_minute": True}, "requests_per_minute"),
        ({"monthly_budget": "10.5"}, "monthly_budget"),
        ({"monthly_budget": "NaN"}, "monthly_budget"),
        ({"monthly_budget": "-1"}, "monthly_budget"),
        ({"monthly_budget": "0.00001"}, "monthly_budget"),
        ({"name": "\u0000"}, "name"),
    ],
)
def test_s9_a_key_makes_no_key_with_more_than_it_has(
    actor: Actor, call: Call, asked: dict[str, Any], field: str
) -> None:
    until = timezone.now() + timedelta(days=2)
    _, token = create_api_key(
        actor,
        name="root",
        scopes=ALL,
        expires_at=until,
        requests_per_minute=10,
        monthly_budget=Decimal(10),
    )
    fits = {
        "name": "x",
        "scopes": ["runs:read"],
        "expires_at": (until - timedelta(days=1)).isoformat(),
        "requests_per_minute": 10,
        "monthly_budget": 10,
    }
    refused = call("POST", "/keys", {**fits, **asked}, token=token)
    assert refused.status_code in (400, 422), refused.content
    assert field in {error["path"] for error in refused.json()["errors"]} or field == "name"
    assert call("POST", "/keys", fits, token=token).status_code == 201
    assert ApiKey.objects.count() == 2


def test_s9_a_key_of_another_workspace_is_not_found(
    actor: Actor, call: Call, other_workspace: Any
) -> None:
    theirs = ApiKey.objects.create(workspace=other_workspace, name="x", prefix="a" * 8)
    _, token = create_api_key(actor, name="root", scopes=ALL)
    for method in ("PATCH", "DELETE"):
        assert call(method, f"/keys/{theirs.id}", {}, token=token).status_code == 404
    _, weak = create_api_key(actor, name="weak", scopes=["runs:read"])
    assert call("GET", "/keys", token=weak).status_code == 403


def test_whoever_made_a_key_stands_for_the_keys_that_it_makes(
    actor: Actor, owner: User, call: Call
) -> None:
    _, token = create_api_key(actor, name="root", scopes=ALL)
    made = call("POST", "/keys", {"name": "x", "scopes": ["runs:read"]}, token=token).json()
    owner.is_active = False
    owner.save()
    assert call("GET", "/me", token=made["token"]).status_code == 401


def test_a_key_is_changed_on_its_page_and_only_loses_scopes(
    actor: Actor, owner: User, client: Client
) -> None:
    client.force_login(owner)
    key, _ = create_api_key(actor, name="ci", scopes=["runs:read", "flows:read"])
    address = f"/settings/keys/{key.id}/"
    assert b"flux_" in client.get(address).content
    form = {"name": "till", "scopes": ["runs:read"], "requests_per_minute": "9"}
    assert client.post(address, {**form, "monthly_budget": "1.25"}).status_code == 302
    key.refresh_from_db()
    assert (key.name, key.scopes, key.requests_per_minute) == ("till", ["runs:read"], 9)
    assert key.monthly_budget == Decimal("1.25")
    refused = client.post(address, {**form, "scopes": ["runs:read", "runs:write"]})
    assert refused.status_code == 422
    assert client.post(address, {**form, "expires_at": "2020-01-01"}).status_code == 422
    key.refresh_from_db()
    assert (key.scopes, key.expires_at) == (["runs:read"], None)
