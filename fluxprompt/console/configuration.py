"""System configuration, feature switches and maintenance: what holds for the whole installation."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.errors import InvalidValue
from accounts.models import FeatureState, FeatureSwitch, Maintenance, SystemSetting, Workspace
from accounts.operators import features, system_settings
from accounts.operators.maintenance import USUAL, notice
from accounts.operators.services import (
    begin_maintenance,
    change_setting,
    end_maintenance,
    reset_setting,
    switch_feature,
)
from fluxprompt.console.pages import console_page, operator_for, shown
from fluxprompt.console.variables import variables, where

#: Workspaces that are named where a feature is for chosen ones.
MOST_NAMED = 50


@require_http_methods(["GET", "HEAD", "POST"])
@console_page(sees="accounts.view_systemsetting", changes="accounts.change_systemsetting")
def configuration(request: HttpRequest) -> HttpResponse:
    """Every variable, and forms for the settings that change at run time."""
    refused: InvalidValue | None = None
    if request.method == "POST":
        try:
            name = _change(request)
        except InvalidValue as error:
            refused = error
        else:
            messages.success(request, f"{name} is changed; all processes know in five seconds.")
            return redirect("admin:console-configuration")
    rows = {row.name: row for row in SystemSetting.objects.filter(name__in=system_settings.SPECS)}
    specs = [
        (spec, system_settings.value(spec.name), rows.get(spec.name), spec.configured)
        for spec in system_settings.SPECS.values()
    ]
    return shown(
        request,
        "configuration",
        "System configuration",
        status=422 if refused else 200,
        specs=specs,
        refused=refused,
        sent=request.POST.get("value", ""),
        variables=variables(),
        where=where(),
        may_change=operator_for(request).may("accounts.change_systemsetting"),
    )


def _change(request: HttpRequest) -> str:
    """Do what a form asks for; the title of what was changed. Raises InvalidValue."""
    name = request.POST.get("name", "")
    spec = system_settings.SPECS.get(name)
    if spec is None or "reset" in request.POST:
        reset_setting(operator_for(request), name)
    else:
        change_setting(operator_for(request), name, _read(spec.kind, request.POST.get("value", "")))
    return spec.title if spec else name


def _read(kind: str, text: str) -> Any:
    if kind == "switch":
        return text == "on"
    if kind == "number":
        try:
            return int(text.strip() or 0)
        except ValueError:
            return text
    return text


@require_http_methods(["GET", "HEAD", "POST"])
@console_page(sees="accounts.view_featureswitch", changes="accounts.change_featureswitch")
def feature_switches(request: HttpRequest) -> HttpResponse:
    """Each feature of the registry, and for whom it is there."""
    refused = ""
    if request.method == "POST":
        try:
            switch = switch_feature(
                operator_for(request),
                request.POST.get("name", ""),
                request.POST.get("state", ""),
                _workspaces(request.POST.get("workspaces", "")),
            )
        except InvalidValue as error:
            refused = error.message
        else:
            messages.success(request, f"{switch}; all processes know in five seconds.")
            return redirect("admin:console-features")
    rows = {row.name: row for row in FeatureSwitch.objects.prefetch_related("workspaces")}
    found = [(feature, *_as_switched(feature, rows)) for feature in features.FEATURES.values()]
    return shown(
        request,
        "features",
        "Feature switches",
        status=422 if refused else 200,
        features=found,
        states=FeatureState.choices,
        refused=refused,
        failed=request.POST.get("name", ""),
        may_change=operator_for(request).may("accounts.change_featureswitch"),
    )


def _as_switched(
    feature: features.Feature, rows: dict[str, FeatureSwitch]
) -> tuple[str, str, FeatureSwitch | None]:
    """(state, addresses of the chosen workspaces, its row)."""
    row = rows.get(feature.name)
    if row is None:
        return (FeatureState.ON if feature.default else FeatureState.OFF), "", None
    chosen = sorted(workspace.slug for workspace in row.workspaces.all())
    return row.state, ", ".join(chosen), row


def _workspaces(text: str) -> list[Any]:
    """Ids of the workspaces whose addresses are named. Raises InvalidValue."""
    names = [name for name in text.replace(",", " ").split() if name]
    if len(names) > MOST_NAMED:
        raise InvalidValue("workspaces", f"Name {MOST_NAMED} workspaces at most.")
    found = dict(Workspace.objects.filter(slug__in=names).values_list("slug", "id"))
    missing = [name for name in names if name not in found]
    if missing:
        raise InvalidValue(
            "workspaces", f"There is no workspace '{missing[0][:60]}'. Name them by their address."
        )
    return list(found.values())


@require_http_methods(["GET", "HEAD", "POST"])
@console_page(sees="accounts.view_maintenance", changes="accounts.change_maintenance")
def maintenance(request: HttpRequest) -> HttpResponse:
    """Begin maintenance, change what people are told, end it."""
    refused = ""
    if request.method == "POST":
        operator = operator_for(request)
        try:
            if "end" in request.POST:
                end_maintenance(operator)
                messages.success(request, "Everything is taken again.")
            else:
                begin_maintenance(
                    operator,
                    message=request.POST.get("message", ""),
                    expected_end=_moment(request.POST.get("expected_end", "")),
                )
                messages.success(request, "Nothing new is taken, everywhere in five seconds.")
        except InvalidValue as error:
            refused = error.message
        else:
            return redirect("admin:console-maintenance")
    return shown(
        request,
        "maintenance",
        "Maintenance",
        status=422 if refused else 200,
        row=Maintenance.objects.first(),
        notice=notice(),
        usual=USUAL,
        refused=refused,
        sent=request.POST,
        may_change=operator_for(request).may("accounts.change_maintenance"),
    )


def _moment(text: str) -> datetime | None:
    """What a field of date and time says (UTC). Raises InvalidValue."""
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidValue("expected_end", "Give a date and a time, or nothing.") from None
