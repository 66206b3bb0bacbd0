"""Support staff see everything but secrets and values of runs, and there is nothing they can do."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client

from accounts.models import AuditEvent, Maintenance, User
from accounts.operators.support import GROUP, RUN_DATA
from execution.models import NodeRun, Run
from fluxprompt.tests.rows_for_tests import CANARY, World, one_of_everything
from tests.support.access_routes import routes

VALUE = "what-they-were-given-4711"
#: Tables that change by being looked at, and what lies beside the product's.
_BESIDE = {"sessions.Session", "accounts.AuditEvent"}
_SIGN_OUT = ("/admin/login/", "/admin/logout/")
#: What a form of the console, or an action of a table, might carry.
SENT: dict[str, Any] = {
    "name": "code",
    "state": "off",
    "value": "1",
    "reason": "x",
    "amount": "5",
    "plan": "",
    "message": "x",
    "post": "yes",
    "_selected_action": "1",
    "password1": "lots of monkeys 9",
    "password2": "lots of monkeys 9",
    "email": "new@example.com",
    "input_per_million": "1",
    "output_per_million": "1",
    "model": "openai/x",
}


@pytest.fixture
def world(db: None, without_examples: None) -> World:
    found = one_of_everything(1)
    Maintenance.objects.all().delete()
    Run.objects.update(inputs={"text": VALUE}, outputs={"text": VALUE})
    NodeRun.objects.update(input={"text": VALUE}, output={"text": VALUE})
    # Messages quote what services answered.
    error = {"code": "http_status", "message": VALUE, "details": {"body": VALUE}}
    Run.objects.update(error=error)
    NodeRun.objects.update(error=error)
    return found


@pytest.fixture
def supporter(world: World) -> User:
    user = User.objects.create_user("help@example.com", "x", is_staff=True)
    user.groups.add(Group.objects.get(name=GROUP))
    return user


@pytest.fixture
def desk(client: Client, supporter: User) -> Client:
    client.force_login(supporter)
    client.raise_request_exception = False
    return client


def _state() -> dict[str, str]:
    """A digest of every row of every table of the product."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.label not in _BESIDE and model._meta.managed:
            with connection.cursor() as cursor:
                cursor.execute(f'SELECT t::text FROM "{model._meta.db_table}" t ORDER BY 1')
                rows = "\n".join(row[0] for row in cursor.fetchall())
            found[model._meta.label] = hashlib.sha256(rows.encode()).hexdigest()
    return found


def _addresses(world: World) -> Iterator[tuple[str, bool]]:
    """Every address of the admin, and whether it is one to look at."""
    for model in admin.site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        row = model._default_manager.first()
        yield base, True
        yield f"{base}add/", False
        if row is not None:
            yield f"{base}{row.pk}/change/", True
            yield f"{base}{row.pk}/history/", True
            yield f"{base}{row.pk}/delete/", False
            if model is User:
                yield f"{base}{row.pk}/password/", False
    for route in routes():
        if route.name.startswith("admin:") and not set(route.parts) - {"workspace_id"}:
            look = route.name.startswith("admin:console-") and not route.name.endswith("run-data")
            yield route.address({"workspace_id": world.workspace.id}), look


def test_support_opens_every_page_and_sees_neither_secrets_nor_values(
    desk: Client, world: World
) -> None:
    shut = []
    for address, look in _addresses(world):
        answer = desk.get(address)
        text = answer.content.decode(errors="replace")
        assert CANARY not in text, address
        assert VALUE not in text, address
        if look and answer.status_code != 200:
            shut.append((address, answer.status_code))
    assert shut == []


def test_support_changes_nothing_whatever_it_sends(desk: Client, world: World) -> None:
    before = _state()
    for address, _ in _addresses(world):
        # A history takes nothing, and who signs out is let in no more.
        if address.endswith("/history/") or address in _SIGN_OUT:
            continue
        desk.post(address, SENT)
    for model, table in admin.site._registry.items():
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        chosen = [str(row.pk) for row in model._default_manager.all()[:2]]
        request = desk.get(base).wsgi_request
        for action in {*table.get_actions(request), "delete_selected", *(table.actions or ())}:
            desk.post(base, {**SENT, "action": action, "_selected_action": chosen})
    changed = [name for name, digest in _state().items() if before[name] != digest]
    assert changed == []
    written = AuditEvent.objects.exclude(action__startswith="sign_in")
    assert not written.filter(user__email="help@example.com").exists()


def test_the_group_alone_lets_nobody_in(client: Client, world: World) -> None:
    user = User.objects.create_user("former@example.com", "x")
    user.groups.add(Group.objects.get(name=GROUP))
    client.force_login(user)
    assert client.get("/admin/").status_code == 302
    assert not user.has_perm("execution.view_run")


def test_values_of_runs_are_shown_for_a_reason_that_is_kept(
    client: Client, world: World, supporter: User
) -> None:
    supporter.user_permissions.add(Permission.objects.get(codename=RUN_DATA.split(".")[1]))
    client.force_login(supporter)
    page = f"/admin/execution/run/{world.run.id}/change/"
    step = f"/admin/execution/noderun/{NodeRun.objects.get().pk}/change/"
    assert VALUE not in client.get(page).content.decode()
    why = f"/admin/console/run-data/{world.workspace.id}/?next={page}"
    assert client.post(why, {"reason": " "}).status_code == 422
    answer = client.post(why, {"reason": "They asked us to look"})
    assert (answer.status_code, answer["Location"]) == (302, page)
    for shown in (page, step):
        assert VALUE in client.get(shown).content.decode()
    events = AuditEvent.objects.filter(action__startswith="run_data").order_by("at")
    assert [(event.action, event.workspace_id) for event in events] == [
        ("run_data.open", world.workspace.id),
        ("run_data.view", world.workspace.id),
        ("run_data.view", world.workspace.id),
    ]
    assert events[0].details["reason"] == "They asked us to look"


def test_an_errors_code_is_shown_to_all_and_what_it_quotes_for_a_reason(
    desk: Client, world: World
) -> None:
    step = f"/admin/execution/noderun/{NodeRun.objects.get().pk}/change/"
    for page in (f"/admin/execution/run/{world.run.id}/change/", step):
        text = desk.get(page).content.decode()
        assert "http_status" in text
        assert VALUE not in text
    Run.objects.update(inputs={}, outputs={})
    desk.force_login(User.objects.create_superuser("root@example.com", "x"))
    desk.post(f"/admin/console/run-data/{world.workspace.id}/", {"reason": "They asked"})
    assert VALUE in desk.get(f"/admin/execution/run/{world.run.id}/change/").content.decode()


def test_another_workspaces_values_stay_hidden(client: Client, world: World) -> None:
    client.force_login(User.objects.create_superuser("root@example.com", "x"))
    other = one_of_everything(2)
    Run.objects.filter(id=other.run.id).update(inputs={"text": VALUE})
    Maintenance.objects.all().delete()
    client.post(f"/admin/console/run-data/{world.workspace.id}/", {"reason": "x"})
    assert VALUE in client.get(f"/admin/execution/run/{world.run.id}/change/").content.decode()
    page = client.get(f"/admin/execution/run/{other.run.id}/change/").content.decode()
    assert VALUE not in page
    away = f"/admin/console/run-data/{other.workspace.id}/?next=//evil.example/admin/"
    assert client.post(away, {"reason": "x"})["Location"] == "/admin/execution/run/"


def test_operators_without_a_second_factor_only_get_to_where_they_add_one(
    client: Client, world: World, settings: Any
) -> None:
    settings.FLUX_OPERATORS_NEED_2FA = True
    root = User.objects.create_superuser("root@example.com", "x")
    client.force_login(root)
    for method in (client.get, client.post):
        for page in ("/admin/", "/admin/execution/run/", "/admin/console/maintenance/"):
            answer = method(page)
            assert (answer.status_code, answer["Location"]) == (302, "/accounts/2fa/")
    Authenticator.objects.create(user=root, type="recovery_codes", data={})
    assert client.get("/admin/").status_code == 302
    Authenticator.objects.create(user=root, type="totp", data={"secret": "x"})
    assert client.get("/admin/").status_code == 200


def test_a_workspace_and_its_all_go_by_the_service(client: Client, world: World) -> None:
    client.force_login(User.objects.create_superuser("root@example.com", "x"))
    page = f"/admin/accounts/workspace/{world.workspace.id}/delete/"
    assert client.post(page, {"post": "yes"}).status_code == 302
    told = AuditEvent.objects.filter(target_id=str(world.workspace.id))
    assert {"workspace.delete", "operator.delete"} <= {event.action for event in told}
