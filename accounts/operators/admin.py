"""Operators' tables of what holds for the whole installation; changed on the console's pages."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.hooks import plan_changed
from accounts.models import FeatureSwitch, Maintenance, Plan, SystemSetting
from accounts.operators.plans import LIMITED, forget_plans, hold_who_is_on
from accounts.operators.tables import OperatorAdmin, ReadOnlyAdmin


@admin.register(Plan)
class PlanAdmin(OperatorAdmin):
    """What workspaces may use. In force within five seconds, also for those on it already."""

    list_display = ("name", *LIMITED)
    search_fields = ("name",)
    ordering = ("name",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change:
            plan_changed(obj, hold_who_is_on(obj))
        forget_plans()


@admin.register(SystemSetting)
class SystemSettingAdmin(ReadOnlyAdmin):
    """Settings changed at run time; System configuration changes them."""

    list_display = ("name", "value", "changed_by", "changed_at")
    fields = list_display


@admin.register(FeatureSwitch)
class FeatureSwitchAdmin(ReadOnlyAdmin):
    """Features that were switched; Feature switches switches them."""

    list_display = ("name", "state", "changed_by", "changed_at")
    fields = ("name", "state", "workspaces", "changed_by", "changed_at")


@admin.register(Maintenance)
class MaintenanceAdmin(ReadOnlyAdmin):
    """There while nothing new is taken."""

    list_display = ("begun_at", "begun_by", "expected_end", "message")
    fields = list_display
