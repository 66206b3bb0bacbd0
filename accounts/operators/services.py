"""What operators change for the whole installation: settings, switches, maintenance."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.errors import InvalidValue
from accounts.models import FeatureState, FeatureSwitch, Maintenance, SystemSetting, Workspace
from accounts.operators.features import FEATURES, forget_switches
from accounts.operators.maintenance import forget_maintenance
from accounts.operators.operating import Operator
from accounts.operators.system_settings import SPECS, forget_settings

JSON = Any
LONGEST_MESSAGE = 500


def change_setting(operator: Operator, name: str, value: JSON) -> None:
    """Set one of the settings of `system_settings.SPECS` for everybody. Raises InvalidValue."""
    operator.require("accounts.change_systemsetting")
    value = _spec(name).check(value)
    with transaction.atomic():
        row = SystemSetting.objects.select_for_update().filter(name=name).first()
        before = row.value if row is not None else None
        row, _ = SystemSetting.objects.update_or_create(
            name=name, defaults={"value": value, "changed_by": operator.label}
        )
        operator.audit("setting.change", row, name=name, before=before, value=value)
        forget_settings()


def reset_setting(operator: Operator, name: str) -> None:
    """Go back to what the environment or the default says. Twice is the same as once."""
    operator.require("accounts.change_systemsetting")
    _spec(name)
    with transaction.atomic():
        row = SystemSetting.objects.select_for_update().filter(name=name).first()
        if row is not None:
            operator.audit("setting.reset", row, name=name, before=row.value)
            row.delete()
        forget_settings()


def _spec(name: str) -> Any:
    if name not in SPECS:
        raise InvalidValue("name", f"There is no setting '{name[:60]}' to change at run time.")
    return SPECS[name]


def switch_feature(
    operator: Operator, name: str, state: str, workspaces: Collection[UUID] = ()
) -> FeatureSwitch:
    """Switch a feature of the registry for all, for nobody or for chosen workspaces.

    Raises InvalidValue.
    """
    operator.require("accounts.change_featureswitch")
    if name not in FEATURES:
        raise InvalidValue("name", f"There is no feature '{name[:60]}'.")
    if state not in FeatureState.values:
        raise InvalidValue("state", f"Choose one of {', '.join(FeatureState.values)}.")
    chosen = list(Workspace.objects.filter(id__in=workspaces)) if workspaces else []
    if state == FeatureState.CHOSEN and not chosen:
        raise InvalidValue("workspaces", "Choose a workspace at least, or switch it off.")
    with transaction.atomic():
        switch, _ = FeatureSwitch.objects.update_or_create(
            name=name, defaults={"state": state, "changed_by": operator.label}
        )
        switch.workspaces.set(chosen if state == FeatureState.CHOSEN else [])
        operator.audit(
            "feature.switch",
            switch,
            state=state,
            workspaces=sorted(workspace.slug for workspace in chosen),
        )
        forget_switches()
    return switch


def begin_maintenance(
    operator: Operator, *, message: str = "", expected_end: datetime | None = None
) -> Maintenance:
    """Take nothing new from now on; called again it changes what people are told.

    Raises InvalidValue.
    """
    operator.require("accounts.change_maintenance")
    message = " ".join(message.replace("\x00", "").split())
    if len(message) > LONGEST_MESSAGE:
        raise InvalidValue("message", f"Write {LONGEST_MESSAGE} characters at most.")
    if expected_end is not None and expected_end <= timezone.now():
        raise InvalidValue("expected_end", "The expected end has to be in the future.")
    with transaction.atomic():
        row, _ = Maintenance.objects.update_or_create(
            id=1,
            defaults={"message": message, "expected_end": expected_end},
            create_defaults={
                "message": message,
                "expected_end": expected_end,
                "begun_by": operator.label,
            },
        )
        until = expected_end.isoformat() if expected_end else None
        operator.audit("maintenance.begin", row, message=message, expected_end=until)
        forget_maintenance()
    return row


def end_maintenance(operator: Operator) -> bool:
    """Take everything again; whether there was maintenance to end."""
    operator.require("accounts.change_maintenance")
    with transaction.atomic():
        row = Maintenance.objects.select_for_update().first()
        if row is not None:
            operator.audit("maintenance.end", row, begun_at=row.begun_at.isoformat())
            row.delete()
        forget_maintenance()
    return row is not None
