"""The console's pages: what they show, who may change what, and what they say where parts fail."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Plan, SystemSetting, User
from accounts.operators import system_settings
from accounts.operators.features import is_on
from accounts.operators.operating import COMMAND
from accounts.operators.remembered import assume_fallbacks
from accounts.operators.services import change_setting
from billing.credits import credit_of
from billing.models import CreditGrant, PriceOverride
from execution.models import NodeRun, Run
from execution.queue_states import QueueState
from execution.recent_numbers import recent
from execution.temporal_client import TemporalUnreachable
from fluxprompt.console.variables import HIDDEN, masked, variables
from fluxprompt.tests.rows_for_tests import CANARY, World

PAGES = ("workers", "plans", "models", "features", "configuration", "maintenance")


@pytest.fixture
def temporal_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*given: Any, **more: Any) -> Any:
        raise TemporalUnreachable("Temporal at nowhere does not answer.")

    monkeypatch.setattr("execution.queue_states.run_sync", away)


def _clerk(client: Client, *rights: str) -> User:
    clerk = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(clerk)
    return clerk


@pytest.mark.usefixtures("temporal_away")
def test_every_page_opens_also_where_temporal_is_away(desk: Client, world: World) -> None:
    Run.objects.update(status="running", finished_at=None)
    for page in ("/admin/", *(f"/admin/console/{page}/" for page in PAGES)):
        answer = desk.get(page)
        assert answer.status_code == 200, page
        assert CANARY not in answer.content.decode()
        assert "<script>alert" not in answer.content.decode()
    assert "Temporal does not answer" in desk.get("/admin/console/workers/").content.decode()


@pytest.mark.usefixtures("temporal_away")
def test_an_operator_without_rights_sees_readiness_only(client: Client, world: World) -> None:
    _clerk(client)
    home = client.get("/admin/")
    assert "Runs per minute" not in home.content.decode()
    for page in (*PAGES, f"plans/{world.workspace.id}"):
        assert client.get(f"/admin/console/{page}/").status_code == 403, page
        assert client.post(f"/admin/console/{page}/", {"amount": "5"}).status_code in (403, 405)


def test_the_numbers_are_those_of_the_last_hour(world: World) -> None:
    NodeRun.objects.update(status="failed", error={"code": "http_status"})
    Run.objects.update(status="failed")
    long_ago = timezone.now() - timedelta(hours=2)
    old = uuid.UUID(int=int(long_ago.timestamp() * 1000) << 80 | 0x7 << 76 | 2 << 62)
    Run.objects.create(
        id=old, workspace=world.workspace, flow=world.flow, status="running", created_at=long_ago
    )
    found = recent(timezone.now())
    assert (found.open, found.ended) == ({"running": 1}, {"failed": 1})
    assert sum(minute.failed for minute in found.minutes) == 1
    assert len(found.minutes) == 60
    [failing] = found.failing
    assert (failing.type, failing.failed, failing.code) == ("input", 1, "http_status")


def test_a_queue_that_nobody_asks_is_stuck() -> None:
    facts = ("flux", "activity", "I/O", 3, 9.0, 1.0, 0.0)
    assert QueueState(*facts, ()).is_stuck


def test_settings_are_changed_checked_and_taken_back(desk: Client) -> None:
    page = "/admin/console/configuration/"
    assert desk.post(page, {"name": "max_running", "value": "7"}).status_code == 302
    assert system_settings.max_running() == 7
    shown = desk.get(page).content.decode()
    assert "Set by operator root@example.com" in shown
    assert "<strong>database</strong>" in shown
    for name, value in (("max_running", "x"), ("signup", "perhaps"), ("banner", "x" * 301)):
        refused = desk.post(page, {"name": name, "value": value})
        assert refused.status_code == 422
        assert 'role="alert"' in refused.content.decode()
    assert desk.post(page, {"name": "nonsense", "value": "1"}).status_code == 422
    assert desk.post(page, {"name": "max_running", "reset": "1"}).status_code == 302
    assert not SystemSetting.objects.filter(name="max_running").exists()


def test_a_feature_is_switched_for_chosen_workspaces(desk: Client, world: World) -> None:
    page, slug = "/admin/console/features/", world.workspace.slug
    sent = {"name": "code", "state": "chosen", "workspaces": slug}
    assert desk.post(page, sent).status_code == 302
    assert is_on("code", world.workspace.id)
    assert not is_on("code", uuid.uuid4())
    refused = desk.post(page, {**sent, "workspaces": "nowhere"})
    assert refused.status_code == 422
    assert "There is no workspace &#x27;nowhere&#x27;" in refused.content.decode()


def test_maintenance_begins_is_told_and_ends(desk: Client) -> None:
    page = "/admin/console/maintenance/"
    sent = {"message": "New disks.", "expected_end": "2999-01-01T10:00"}
    assert desk.post(page, sent).status_code == 302
    assert desk.get("/").status_code == 503
    assert "Maintenance is on" in desk.get("/admin/").content.decode()
    for wrong in ("2001-01-01T10:00", "soon"):
        assert desk.post(page, {**sent, "expected_end": wrong}).status_code == 422
    assert desk.post(page, {"end": "1"}).status_code == 302
    assert desk.get("/", follow=True).status_code == 200


def test_a_workspace_is_put_on_a_plan_and_granted_credit(desk: Client, world: World) -> None:
    plan = Plan.objects.get()
    page = f"/admin/console/plans/{world.workspace.id}/"
    assert desk.post(page, {"plan": str(plan.id), "reason": ""}).status_code == 422
    assert desk.post(page, {"plan": str(plan.id), "reason": "Signed"}).status_code == 302
    CreditGrant.objects.all().delete()
    sent = {"amount": "2.50", "reason": "Sorry", "expires_at": ""}
    assert desk.post(page, sent).status_code == 302
    found = credit_of(world.workspace.id)
    assert found is not None
    assert found.left == Decimal("12.5")
    for wrong in ({"amount": "much"}, {"amount": "NaN"}, {"expires_at": "soon"}, {"reason": ""}):
        assert desk.post(page, {**sent, **wrong}).status_code == 422, wrong
    assert "$12.50" in desk.get("/admin/console/plans/").content.decode()
    told = AuditEvent.objects.filter(action__in=("plan.put_on", "credit.grant"))
    assert {event.details["reason"] for event in told} == {"Signed", "Sorry"}
    assert desk.get(f"/admin/console/plans/{uuid.uuid4()}/").status_code == 404


def test_own_prices_keep_their_history(desk: Client, world: World) -> None:
    row = PriceOverride.objects.get()
    page = f"/admin/billing/priceoverride/{row.pk}/change/"
    sent = {"model": row.model, "input_per_million": "9", "output_per_million": "8"}
    assert desk.post(page, sent).status_code == 302
    event = AuditEvent.objects.get(action="price.set")
    assert event.details["before"]["input_per_million"] == "1.0000"
    assert event.details["now"]["input_per_million"] == "9"
    assert desk.post("/admin/console/models/").status_code == 302
    assert "price.set" in desk.get("/admin/console/models/").content.decode()


def test_every_variable_of_the_documentation_is_on_the_page(desk: Client) -> None:
    from tests.test_docs import INTERNAL, OF_THE_SDK, _variables_in_code

    named = [variable.name for variable in variables({})]
    assert len(named) == len(set(named))
    read = _variables_in_code() - INTERNAL
    assert sorted(read - set(named)) == []
    assert [n for n in named if n not in read and not OF_THE_SDK.match(n)] == []
    shown = desk.get("/admin/console/configuration/").content.decode()
    assert [name for name in named if f"<code>{name}</code>" not in shown] == []


def test_the_page_says_where_a_value_comes_from(db: None) -> None:
    change_setting(COMMAND, "retention_days", 0)
    given = {"FLUX_PORT": "8300", "FLUX_LOG_LEVEL": " ", "FLUX_RETENTION_DAYS": "3"}
    found = {row.name: (row.value, row.source) for row in variables(given)}
    assert found["FLUX_PORT"] == ("8300", "environment")
    assert found["FLUX_LOG_LEVEL"] == ("WARNING", "default")
    assert found["FLUX_RETENTION_DAYS"] == ("0: for ever", "database")
    assert found["FLUX_SLOTS_CODE"] == ("100", "default")
    assume_fallbacks()


@pytest.mark.parametrize(
    ("name", "given", "shown"),
    [
        ("OPENAI_API_KEY", CANARY, HIDDEN),
        ("FLUX_SECRET_KEYS", f"{CANARY},x", HIDDEN),
        ("FLUX_GOOGLE_CLIENT_SECRET", CANARY, HIDDEN),
        ("DATABASE_URL", f"postgres://me:{CANARY}@db/x?password={CANARY}", "postgres://…@db/x?…"),
        ("EMAIL_URL", f"smtp://me%40x:{CANARY}@mail:25", "smtp://…@mail:25"),
        ("DATABASE_URL", f"postgres://me:{CANARY}@[db/x", HIDDEN),
        ("FLUX_FILES_STORAGE_OPTIONS", f'{{"my_key": "{CANARY}"}}', f'{{"my_key": "{HIDDEN}"}}'),
        ("FLUX_FILES_STORAGE_OPTIONS", f'{{"a": {{"b": "{CANARY}"}}}}', f'{{"a": "{HIDDEN}"}}'),
        ("FLUX_FILES_STORAGE_OPTIONS", f'{{"a": "{CANARY}"', HIDDEN),
        ("TEMPORAL_TLS_CLIENT_KEY_PATH", "/etc/key.pem", "/etc/key.pem"),
        ("FLUX_PUBLIC_URL", "https://flux.example.com", "https://flux.example.com"),
    ],
)  # fmt: skip
def test_secrets_in_variables_are_not_shown(name: str, given: str, shown: str) -> None:
    assert masked(name, given) == shown


def test_runs_are_requeued_by_the_service_with_a_reason(
    desk: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[uuid.UUID] = []
    monkeypatch.setattr("execution.requeue.dispatch", lambda run, *more: started.append(run.id))
    monkeypatch.setattr("execution.requeue.pin_again", lambda run: None)
    monkeypatch.setattr("execution.requeue.variables_of", lambda *given: {})
    Run.objects.update(status="queued", admitted_at=timezone.now(), finished_at=None)
    page, chosen = "/admin/execution/run/", [str(world.run.id)]
    sent = {"action": "requeue", "_selected_action": chosen}
    asked = desk.post(page, sent)
    assert (asked.status_code, started) == (200, [])
    assert "Requeue these runs" in asked.content.decode()
    assert 'role="alert"' in desk.post(page, {**sent, "reason": " "}).content.decode()
    assert desk.post(page, {**sent, "reason": "The start was lost"}).status_code == 302
    assert started == [world.run.id]
    told = AuditEvent.objects.filter(target_id=str(world.run.id)).order_by("at")
    assert [(event.action, event.via) for event in told] == [
        ("run.requeue", "operator"),
        ("operator.requeue", "operator"),
    ]


def test_a_run_that_needs_nothing_is_left_alone(desk: Client, world: World) -> None:
    sent = {"action": "requeue", "_selected_action": [str(world.run.id)], "reason": "x"}
    answer = desk.post("/admin/execution/run/", sent, follow=True)
    assert "1 left alone" in answer.content.decode()
    assert not AuditEvent.objects.filter(action="operator.requeue").exists()


def test_runs_are_found_by_their_error(desk: Client, world: World) -> None:
    Run.objects.update(status="failed", error={"code": "interrupted", "message": "x"})
    for code, there in (("interrupted", True), ("timed_out", False)):
        page = desk.get(f"/admin/execution/run/?code={code}").content.decode()
        assert (str(world.run.id) in page) is there
