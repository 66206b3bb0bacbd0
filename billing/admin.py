"""Operators' tables of usage and prices."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from accounts.operators.tables import OperatorAdmin, ReadOnlyAdmin
from billing.catalogue import forget_catalogue
from billing.model_facts import CAPABILITIES
from billing.models import (
    CatalogueModel,
    CreditGrant,
    CreditMonth,
    PriceOverride,
    RunMonth,
    UsageRecord,
)
from billing.prices import forget_overrides
from billing.services import Refreshed, refresh_catalogue, reset_models


@admin.register(PriceOverride)
class PriceOverrideAdmin(OperatorAdmin):
    """Own prices, in US dollars per million tokens. In force within half a minute."""

    list_display = (
        "model",
        "input_per_million",
        "output_per_million",
        "cache_read_per_million",
        "cache_write_per_million",
        "updated_at",
    )
    search_fields = ("model",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = PriceOverride.objects.filter(pk=obj.pk).first() if change else None
        super().save_model(request, obj, form, change)
        forget_overrides()
        # The trail keeps what it cost from when to when.
        was = _prices(before) if before is not None else None
        self._audit(request, "price.set", obj, model=obj.model, before=was, now=_prices(obj))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        forget_overrides()


def _prices(row: PriceOverride) -> dict[str, str | None]:
    """Its prices, as the audit trail keeps them."""
    values = {name: getattr(row, name) for name in PriceOverrideAdmin.list_display[1:5]}
    return {name: str(value) if value is not None else None for name, value in values.items()}


class CatalogueForm(forms.ModelForm):
    """A model of the catalogue; what it can do is ticked."""

    capabilities = forms.MultipleChoiceField(
        choices=[(name, name.replace("_", " ").capitalize()) for name in CAPABILITIES],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Settings that a model does not have (effort, temperature) are left out.",
    )

    class Meta:
        model = CatalogueModel
        fields = (
            "model",
            "title",
            "context_tokens",
            "max_output_tokens",
            "capabilities",
            "enabled",
        )

    def clean_capabilities(self) -> list[str]:
        return sorted(self.cleaned_data["capabilities"])


@admin.register(CatalogueModel)
class CatalogueModelAdmin(OperatorAdmin):
    """Models that workspaces are offered. Own prices are in the table of price overrides."""

    form = CatalogueForm
    list_display = (
        "model",
        "title",
        "enabled",
        "context_tokens",
        "input_per_million",
        "output_per_million",
        "source",
        "set_by_operators",
        "refreshed_at",
    )
    list_filter = ("enabled", "source")
    search_fields = ("model", "title")
    ordering = ("model",)
    actions = ("refresh", "reset")
    #: What the price package says, beside what people may set.
    package_fields = (
        "input_per_million",
        "output_per_million",
        "cache_read_per_million",
        "cache_write_per_million",
        "price_rises",
        "source",
        "refreshed_at",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields = tuple(CatalogueForm.Meta.fields)
        return fields if obj is None else (*fields, *self.package_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("model", *self.package_fields)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """What was changed here is the operator's from now on."""
        obj.own = sorted({*obj.own, *(name for name in form.changed_data if name != "model")})
        if not change:
            obj.own = [name for name in CatalogueForm.Meta.fields if name != "model"]
        super().save_model(request, obj, form, change)
        forget_catalogue()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        forget_catalogue()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().delete_queryset(request, queryset)
        forget_catalogue()

    def has_refresh_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_change_permission(request))

    @admin.action(description="Refresh all models from the price package", permissions=["refresh"])
    def refresh(self, request: HttpRequest, queryset: QuerySet[CatalogueModel]) -> None:
        done = refresh_catalogue()
        if (row := queryset.first()) is not None:
            self._audit(request, "models.refresh", row, added=done.added, changed=done.changed)
        self.message_user(request, _said(done))

    @admin.action(
        description="Take back what operators set for the selected models",
        permissions=["refresh"],
    )
    def reset(self, request: HttpRequest, queryset: QuerySet[CatalogueModel]) -> None:
        rows = list(queryset)
        models = [row.model for row in rows]
        reset_models(models)
        for row in rows:
            self._audit(request, "models.reset", row)
        self.message_user(request, f"{len(models)} follow the price package again.")

    @admin.display(description="Set by operators")
    def set_by_operators(self, row: CatalogueModel) -> str:
        return ", ".join(name.replace("_", " ") for name in row.own) or "–"


def _said(done: Refreshed) -> str:
    return f"{done.added} models are new, {done.changed} changed, {done.kept} stayed as they were."


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


@admin.register(CreditGrant)
class CreditGrantAdmin(ReadOnlyAdmin):
    """Credit that workspaces were given; Plans and credit gives more, or takes some back."""

    list_display = ("at", "workspace", "amount", "reason", "expires_at", "granted_by")
    list_select_related = ("workspace", "granted_by")
    list_filter = (("workspace", AutocompleteSelectFilter), ("at", RangeDateTimeFilter))
    search_fields = ("reason", "workspace__slug")
    fields = list_display


@admin.register(CreditMonth)
class CreditMonthAdmin(ReadOnlyAdmin):
    """Months in which workspaces were held to their plan's credit."""

    list_display = ("month", "workspace", "allowance")
    list_select_related = ("workspace",)
    list_filter = (("workspace", AutocompleteSelectFilter),)
    fields = list_display


@admin.register(RunMonth)
class RunMonthAdmin(ReadOnlyAdmin):
    """Runs that workspaces began in a month, where their plan limits them."""

    list_display = ("month", "workspace", "number")
    list_select_related = ("workspace",)
    list_filter = (("workspace", AutocompleteSelectFilter),)
    fields = list_display
