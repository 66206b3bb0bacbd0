"""The operators' admin: every table opens, for operators only, and what they do is recorded."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import (
    ApiKey,
    AuditEvent,
    Credential,
    Membership,
    User,
    Variable,
    Workspace,
)
from accounts.tests.secrets_for_tests import credential_secret
from billing.models import PriceOverride
from execution.models import Run
from flows.models import Flow
from fluxprompt.tests.rows_for_tests import CANARY, World, one_of_everything


@pytest.fixture
def world(db: None, without_examples: None) -> World:
    return one_of_everything(1)


@pytest.fixture
def operator(world: World) -> User:
    return User.objects.create_superuser("root@example.com", "correct horse battery")


@pytest.fixture
def desk(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def _url(model: type[models.Model], page: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


TABLES = sorted(admin.site._registry, key=lambda model: model._meta.label)


def test_every_model_of_the_product_has_a_table() -> None:
    from django.apps import apps

    # Nodes, edges, shares, files and events are shown within their flow or run, parts within their
    # blob, what was made of documents is told by their index;
    # the set-up link and the words of a search are nobody's, the pace of a credential's calls is of
    # a moment, and so are a key's calls and bytes on their way into or out of the storage; an
    # access token is a secret through and through.
    within = {
        "flows.Node",
        "flows.Edge",
        "flows.FlowShare",
        "flows.FileFlow",
        "execution.RunEvent",
        "execution.RunText",
        "execution.BlobPart",
        "execution.CredentialRate",
        "files.Leftover",
        "knowledge.IndexedDocument",
        "knowledge.Chunk",
        "knowledge.Word",
        "accounts.SetupLink",
        "accounts.RateCount",
        "accounts.AccessToken",
    }
    product = {
        model._meta.label
        for app in ("accounts", "flows", "billing", "execution", "files", "memories", "knowledge")
        for model in apps.get_app_config(app).get_models()
    }
    assert product - within <= {model._meta.label for model in TABLES}


def test_every_table_and_page_opens_without_showing_a_secret(desk: Client) -> None:
    # One world for all of them: to make it takes longer than to look at a table.
    for model in TABLES:
        row = model._default_manager.first()
        assert row is not None, model
        pages = [
            _url(model, "changelist"),
            _url(model, "change", row.pk),
            _url(model, "history", row.pk),
        ]
        if admin.site._registry[model].has_add_permission(_request(desk)):
            pages.append(_url(model, "add"))
        for page in pages:
            answer = desk.get(page)
            assert answer.status_code == 200, page
            assert CANARY not in answer.content.decode(), page
            assert "<script>alert" not in answer.content.decode(), page
            assert "'unsafe-eval'" in answer["Content-Security-Policy"], page


def _request(client: Client) -> Any:
    return client.get(reverse("admin:index")).wsgi_request


def test_only_operators_come_in(client: Client, world: World) -> None:
    pages = [_url(model, "changelist") for model in TABLES]
    assert {client.get(page).status_code for page in pages} == {302}
    client.force_login(world.workspace.members.get())
    for page in pages:
        answer = client.get(page)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")
        assert client.get(answer["Location"]).status_code == 403


def test_an_operator_without_rights_sees_no_table(client: Client, world: World) -> None:
    clerk = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    client.force_login(clerk)
    for model in TABLES:
        assert client.get(_url(model, "changelist")).status_code == 403, model


def test_the_admin_has_no_sign_in_of_its_own(client: Client, db: None) -> None:
    answer = client.get("/admin/login/?next=/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=%2Fadmin%2F")


def test_longer_tables_take_no_more_queries(desk: Client) -> None:
    def queries(model: type[models.Model]) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(_url(model, "changelist")).status_code == 200
        return len(captured)

    few = {}
    for model in TABLES:
        queries(model)  # What is remembered by process is not counted.
        few[model] = queries(model)
    for number in range(2, 6):
        one_of_everything(number)
    assert [model for model in TABLES if queries(model) > few[model]] == []


def test_a_runs_page_tells_what_happened_and_links_to_temporal(
    desk: Client, world: World, settings: Any
) -> None:
    settings.TEMPORAL_UI_URL = "http://127.0.0.1:8233/"
    page = desk.get(_url(Run, "change", world.run.id)).content.decode()
    link = f"http://127.0.0.1:8233/namespaces/default/workflows/run-{world.run.id}"
    assert link in page
    assert "run.queued" in page
    # What it was given is shown for a reason only.
    assert "&lt;script&gt;alert(1)" not in page
    desk.post(f"/admin/console/run-data/{world.workspace.id}/", {"reason": "They asked"})
    page = desk.get(_url(Run, "change", world.run.id)).content.decode()
    assert "&lt;script&gt;alert(1)" in page


def test_runs_are_cancelled_by_the_service_and_recorded(
    desk: Client, world: World, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[tuple[str, uuid.UUID]] = []
    monkeypatch.setattr(
        "execution.services.cancel_run",
        lambda actor, run: cancelled.append((actor.label, run.id)),
    )
    sent = {"action": "cancel", "_selected_action": [str(world.run.id)]}
    asked = desk.post(_url(Run, "changelist"), sent)
    assert "Cancel these runs" in asked.content.decode()
    assert cancelled == []
    desk.post(_url(Run, "changelist"), {**sent, "reason": "It was asked for"})
    assert AuditEvent.objects.get(action="operator.cancel").details["reason"] == "It was asked for"
    assert cancelled == [("operator root@example.com", world.run.id)]


def test_keys_are_revoked_here(desk: Client, world: World) -> None:
    key = ApiKey.objects.get(workspace=world.workspace)
    desk.post(_url(ApiKey, "changelist"), {"action": "revoke", "_selected_action": [str(key.id)]})
    key.refresh_from_db()
    assert key.revoked_at is not None
    event = AuditEvent.objects.get(action="key.revoke")
    assert (event.actor, event.workspace_id) == ("operator root@example.com", world.workspace.id)


def test_a_secret_is_written_and_replaced_but_never_read(desk: Client, world: World) -> None:
    filled = {"workspace": str(world.workspace.id), "type": "bearer", "name": "Hook"}
    refused = desk.post(_url(Credential, "add"), filled)
    assert "Fill in" in refused.content.decode()
    answer = desk.post(_url(Credential, "add"), {**filled, "token": CANARY})
    assert answer.status_code == 302, answer.content.decode()
    assert credential_secret(world.workspace.id, "bearer") == ({}, {"token": CANARY})
    made = Credential.objects.get(name="Hook")
    assert CANARY not in desk.get(_url(Credential, "change", made.id)).content.decode()
    assert desk.post(_url(Credential, "change", made.id), {"token": "another"}).status_code == 302
    assert credential_secret(world.workspace.id, "bearer") == ({}, {"token": "another"})
    actions = AuditEvent.objects.filter(target_id=str(made.id)).order_by("at")
    assert [event.action for event in actions] == ["credential.create", "credential.replace"]
    assert CANARY not in str(list(AuditEvent.objects.values()))


def test_a_new_person_gets_a_workspace(desk: Client) -> None:
    filled = {
        "email": "New@Example.com",
        "name": "New",
        "password1": "lots of monkeys 9",
        "password2": "lots of monkeys 9",
        "usable_password": "true",
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
    }
    answer = desk.post(_url(User, "add"), filled)
    assert answer.status_code == 302, answer.content.decode()
    person = User.objects.get(email="new@example.com")
    assert person.check_password("lots of monkeys 9")
    assert [w.name for w in person.workspaces.all()] == ["New's workspace"]


def test_a_new_workspace_gets_its_owner(desk: Client, world: World) -> None:
    owner = world.workspace.members.get()
    answer = desk.post(_url(Workspace, "add"), {"name": "Second lab", "owner": str(owner.id)})
    assert answer.status_code == 302, answer.content.decode()
    made = Workspace.objects.get(slug="second-lab")
    assert Membership.objects.get(workspace=made).user == owner


@pytest.mark.parametrize(
    ("make", "filled"),
    [
        (
            lambda world: Variable.objects.get(),
            lambda row: {"workspace": str(row.workspace_id), "name": "region", "value": '"us"'},
        ),
        (
            lambda world: PriceOverride.objects.get(),
            lambda row: {"model": row.model, "input_per_million": "9", "output_per_million": "9"},
        ),
        (
            lambda world: Membership.objects.get(workspace=world.workspace),
            lambda row: {
                "workspace": str(row.workspace_id),
                "user": str(row.user_id),
                "role": "viewer",
            },
        ),
    ],
    ids=["variable", "price", "membership"],
)
def test_every_change_and_deletion_is_recorded(
    desk: Client,
    world: World,
    make: Callable[[World], models.Model],
    filled: Callable[[Any], dict[str, str]],
) -> None:
    row = make(world)
    second = User.objects.create_user("second@example.com", "x")
    Membership.objects.create(workspace=world.workspace, user=second, role="owner")
    answer = desk.post(_url(type(row), "change", row.pk), filled(row))
    assert answer.status_code == 302, answer.content.decode()
    answer = desk.post(_url(type(row), "delete", row.pk), {"post": "yes"})
    assert answer.status_code == 302, answer.content.decode()
    events = AuditEvent.objects.filter(
        target_type=row._meta.label_lower, action__startswith="operator."
    )
    assert {event.action for event in events} == {"operator.change", "operator.delete"}
    assert {event.actor for event in events} == {"operator root@example.com"}


def test_a_flow_is_renamed_by_its_service(desk: Client, world: World) -> None:
    filled = {"name": "Renamed", "description": "New"}
    for inline in ("nodes", "edges", "shares"):
        filled |= {f"{inline}-TOTAL_FORMS": "0", f"{inline}-INITIAL_FORMS": "0"}
    answer = desk.post(_url(Flow, "change", world.flow.id), filled)
    assert answer.status_code == 302, answer.content.decode()
    world.flow.refresh_from_db()
    assert (world.flow.name, world.flow.description) == ("Renamed", "New")


def test_a_clerk_cannot_take_over_a_superuser(client: Client, operator: User) -> None:
    clerk = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
    client.force_login(clerk)
    filled = {"password1": "lots of monkeys 9", "password2": "lots of monkeys 9"}
    answer = client.post(f"/admin/accounts/user/{operator.id}/password/", filled)
    assert answer.status_code == 403
    page = client.get(_url(User, "change", clerk.id)).content.decode()
    assert 'name="is_superuser"' not in page
    operator.refresh_from_db()
    assert operator.check_password("correct horse battery")


def test_a_clerk_gets_no_way_into_a_superusers_account(client: Client, operator: User) -> None:
    clerk = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    clerk.user_permissions.set(Permission.objects.all())
    address = EmailAddress.objects.get(user=operator)
    other = EmailAddress.objects.create(user=clerk, email="clerk@example.com", verified=True)
    client.force_login(clerk)
    new = {"user": str(operator.id), "email": "mine@example.com", "verified": "on"}
    assert client.post("/admin/account/emailaddress/add/", new).status_code == 403
    assert client.post(_url(EmailAddress, "delete", address.id), {"post": "yes"}).status_code == 403
    client.post(_url(EmailAddress, "change", address.id), {**new, "email": "mine@example.com"})
    client.post(_url(EmailAddress, "change", other.id), new)
    assert {a.email for a in EmailAddress.objects.filter(user=operator)} == {operator.email}
    action = {"action": "delete_selected", "_selected_action": str(address.id), "post": "yes"}
    client.post("/admin/account/emailaddress/", action)
    assert EmailAddress.objects.filter(user=operator).count() == 1
    assert client.post("/admin/auth/group/add/", {"name": "all"}).status_code == 403


def test_a_workspace_is_deleted_with_all_it_has(desk: Client, world: World) -> None:
    answer = desk.post(_url(Workspace, "delete", world.workspace.id), {"post": "yes"})
    assert answer.status_code == 302, answer.content.decode()
    assert not Workspace.objects.filter(id=world.workspace.id).exists()
    assert not Run.objects.exists()
    assert AuditEvent.objects.filter(action="operator.delete", workspace=None).exists()
