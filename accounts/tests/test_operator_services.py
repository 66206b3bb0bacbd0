"""What operators change for everybody: checked, recorded, and known at once where it was done."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.errors import InvalidValue
from accounts.models import AuditEvent, FeatureSwitch, SystemSetting, User, Workspace
from accounts.operators import features, maintenance, system_settings
from accounts.operators.operating import COMMAND, Operator, operator_of
from accounts.operators.remembered import Remembered
from accounts.operators.services import (
    begin_maintenance,
    change_setting,
    end_maintenance,
    reset_setting,
    switch_feature,
)
from accounts.permissions import PermissionRefused


@pytest.fixture
def operator(db: None) -> Operator:
    return operator_of(User.objects.create_superuser("root@example.com", "x"))


def test_a_setting_of_the_database_stands_before_the_environment(
    operator: Operator, settings: Any
) -> None:
    settings.FLUX_MAX_RUNNING_PER_WORKSPACE = 7
    assert system_settings.max_running() == 7
    change_setting(operator, "max_running", 9)
    assert system_settings.max_running() == 9
    reset_setting(operator, "max_running")
    assert system_settings.max_running() == 7
    events = AuditEvent.objects.filter(action__startswith="setting.").order_by("at")
    assert [(e.action, e.actor, e.details.get("value")) for e in events] == [
        ("setting.change", "operator root@example.com", 9),
        ("setting.reset", "operator root@example.com", None),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_running", 0),
        ("max_running", True),
        ("max_running", 1e300),
        ("retention_days", 36_501),
        ("retention_days", -1),
        ("signup", "perhaps"),
        ("flow_mail", "yes"),
        ("banner", "x" * 301),
        ("banner", "a\x00b"),
        ("SECRET_KEY", "x"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(
    operator: Operator, name: str, value: object
) -> None:
    with pytest.raises(InvalidValue):
        change_setting(operator, name, value)
    assert not SystemSetting.objects.exists()


def test_for_ever_is_zero_days(operator: Operator, settings: Any) -> None:
    settings.FLUX_RETENTION_DAYS = 3
    change_setting(operator, "retention_days", 0)
    assert system_settings.retention_days() is None


def test_what_another_release_wrote_counts_for_nothing(db: None) -> None:
    SystemSetting.objects.create(name="max_running", value="many")
    system_settings.forget_settings()
    assert system_settings.max_running() == 200


def test_who_may_only_look_changes_nothing(db: None) -> None:
    clerk = operator_of(User.objects.create_user("clerk@example.com", "x", is_staff=True))
    for change in (
        lambda: change_setting(clerk, "banner", "Hello"),
        lambda: reset_setting(clerk, "banner"),
        lambda: switch_feature(clerk, "code", "off"),
        lambda: begin_maintenance(clerk),
        lambda: end_maintenance(clerk),
    ):
        with pytest.raises(PermissionRefused):
            change()


def test_a_feature_is_on_for_all_until_it_is_switched(
    operator: Operator, workspace: Workspace, other_workspace: Workspace
) -> None:
    assert features.is_on("code", workspace.id)
    switch_feature(operator, "code", "chosen", [workspace.id])
    assert features.is_on("code", workspace.id)
    assert not features.is_on("code", other_workspace.id)
    assert not features.is_on("code", None)
    assert list(features.switched_off_nodes(other_workspace.id)) == ["code"]
    switch_feature(operator, "code", "off")
    assert not features.is_on("code", workspace.id)
    assert not FeatureSwitch.objects.get().workspaces.exists()
    switch_feature(operator, "code", "on")
    assert features.switched_off_nodes(other_workspace.id) == {}
    assert AuditEvent.objects.filter(action="feature.switch", target_id="code").count() == 3


def test_only_features_of_the_registry_are_switched(operator: Operator) -> None:
    for name, state in (("nonsense", "on"), ("code", "perhaps"), ("code", "chosen")):
        with pytest.raises(InvalidValue):
            switch_feature(operator, name, state, [uuid4()] if state == "chosen" else [])
    with pytest.raises(KeyError):
        features.is_on("nonsense", None)


def test_maintenance_says_what_and_until_when(operator: Operator) -> None:
    assert maintenance.notice() is None
    end = timezone.now() + timedelta(minutes=30)
    begin_maintenance(operator, message=" New\n disks ", expected_end=end)
    told = maintenance.notice()
    assert told is not None
    assert told.sentence == f"New disks Expected to end at {end:%Y-%m-%d %H:%M} (UTC)."
    assert 1_700 < told.retry_after <= 1_800
    with pytest.raises(maintenance.UnderMaintenance):
        maintenance.check_maintenance()
    assert end_maintenance(COMMAND)
    assert not end_maintenance(COMMAND)
    assert maintenance.notice() is None
    assert [e.actor for e in AuditEvent.objects.filter(action="maintenance.end")] == ["command"]


def test_an_end_that_is_over_is_no_end(operator: Operator) -> None:
    with pytest.raises(InvalidValue):
        begin_maintenance(operator, expected_end=timezone.now() - timedelta(minutes=1))
    late = maintenance.Notice("Soon.", timezone.now() - timedelta(hours=1))
    assert (late.sentence, late.retry_after) == ("Soon.", maintenance.RETRY_AFTER)


def test_what_is_remembered_holds_while_the_database_is_away(db: None) -> None:
    answers: list[Any] = ["first", OperationalError("away"), "second"]

    def read() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    remembered = Remembered(read, "nothing yet")
    assert [remembered.get(), remembered.get()] == ["first", "first"]
    for wanted in ("first", "second"):
        remembered.forget()
        assert remembered.get() == wanted
    assert answers == []
