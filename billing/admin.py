"""Operators' tables of usage and prices."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from accounts.operators import OperatorAdmin, ReadOnlyAdmin
from billing.models import PriceOverride, UsageRecord
from billing.prices import forget_overrides


@admin.register(PriceOverride)
class PriceOverrideAdmin(OperatorAdmin):
    """Own prices, in US dollars per million tokens. In force within half a minute."""

    list_display = ("model", "input_per_million", "output_per_million", "updated_at")
    search_fields = ("model",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        forget_overrides()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        forget_overrides()


@admin.register(UsageRecord)
class UsageRecordAdmin(ReadOnlyAdmin):
    """What every model call used."""

    list_display = (
        "at",
        "workspace",
        "flow",
        "node",
        "model",
        "input_tokens",
        "output_tokens",
        "cost",
        "price_source",
        "estimated",
    )
    list_select_related = ("workspace", "flow")
    list_filter = (
        ("workspace", AutocompleteSelectFilter),
        ("flow", AutocompleteSelectFilter),
        ("at", RangeDateTimeFilter),
    )
    search_fields = ("=run_id", "node", "model", "price_source")
