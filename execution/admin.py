"""Operators' tables of runs, what happened in them, and large values."""

import json
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from accounts.operators.tables import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    as_json,
    shows_one,
)
from execution import approval_admin as _approvals  # noqa: F401  (registers its table)
from execution.models import Blob, NodeRun, Run, RunStatus, Snapshot
from execution.requeue import INFRASTRUCTURE
from execution.run_actions import RunActions
from execution.run_values import HiddenValues, error_of, value_of

#: Colours of the statuses in unfold's words.
STATUS_LOOK = {
    RunStatus.RUNNING: "info",
    RunStatus.WAITING: "warning",
    RunStatus.PAUSED: "warning",
    RunStatus.SUCCEEDED: "success",
    RunStatus.FAILED: "danger",
    RunStatus.TIMED_OUT: "danger",
}
#: Beside those of the machinery: what flows most often fail with.
COMMON_CODES = ("budget_exceeded", "config_invalid", "feature_off", "stopped", "timed_out")
#: Events that a run's page shows; the last ones.
EVENTS_SHOWN = 200


def temporal_ui_link(run: Run) -> str:
    """Where the Temporal UI shows the run's workflow."""
    base = settings.TEMPORAL_UI_URL.rstrip("/")
    return f"{base}/namespaces/{settings.TEMPORAL_NAMESPACE}/workflows/{run.workflow_id}"


class ErrorCodeFilter(admin.SimpleListFilter):
    """Runs that failed with a code. Newest first, so what is common is found soon."""

    title = "error code"
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, code) for code in (*sorted(INFRASTRUCTURE), *COMMON_CODES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        code = self.value()
        return queryset.filter(error__code=code) if code else queryset


class NodeRunInline(ReadOnlyInline):
    """The attempts of the run's nodes."""

    model = NodeRun
    fields = (
        "node",
        "type",
        "path",
        "attempt",
        "status",
        "duration",
        "model",
        "input_tokens",
        "output_tokens",
        "cost",
        "worker",
    )
    readonly_fields = ("duration",)
    ordering = ("started_at", "node", "attempt")
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[NodeRun]:
        rows: QuerySet[NodeRun] = super().get_queryset(request)
        return rows.defer("input", "output")

    @admin.display(description="Duration")
    def duration(self, row: NodeRun) -> str:
        return _duration(row.duration_ms)


@admin.register(Run)
class RunAdmin(RunActions, HiddenValues, ReadOnlyAdmin):
    """Runs: what people see; the link shows what Temporal has."""

    list_display = (
        "id",
        "state",
        "flow",
        "workspace",
        "trigger",
        "created_at",
        "duration",
        "tokens",
        "dollars",
        "temporal",
    )
    list_select_related = ("flow", "workspace")
    list_filter = (
        "status",
        ErrorCodeFilter,
        ("flow", AutocompleteSelectFilter),
        ("workspace", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("id", "session_id", "flow__name")
    # Time-ordered ids: the newest come from the end of the primary key, without a sort.
    ordering = ("-id",)
    inlines = (NodeRunInline,)
    compressed_fields = False
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "temporal",
                    ("status", "trigger"),
                    ("flow", "workspace"),
                    ("version", "snapshot"),
                    ("created_at", "started_at"),
                    ("finished_at", "duration"),
                    ("tokens", "dollars"),
                    ("created_by", "api_key"),
                    ("session_id", "idempotency_key"),
                    ("rerun_of", "cancel_requested_at"),
                )
            },
        ),
        ("Inputs and outputs", {"fields": ("given", "made", "failure")}),
        ("Events", {"fields": ("happened",)}),
    )
    readonly_fields = (
        "duration",
        "tokens",
        "dollars",
        "temporal",
        "given",
        "made",
        "failure",
        "happened",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        rows: QuerySet[Run] = super().get_queryset(request)
        if not shows_one(request):
            return rows.defer("inputs", "outputs", "error")
        rows = rows.select_related("flow", "workspace", "version__flow", "snapshot")
        return rows.defer("version__document", "snapshot__document")

    @display(description="Status", ordering="status", label=STATUS_LOOK)
    def state(self, run: Run) -> tuple[str, str]:
        return run.status, run.get_status_display()

    @admin.display(description="Cost", ordering="cost")
    def dollars(self, run: Run) -> str:
        return f"${run.cost:.6f}" if run.cost else "–"

    @admin.display(description="Duration")
    def duration(self, run: Run) -> str:
        return _duration(run.duration_ms)

    @admin.display(description="Tokens")
    def tokens(self, run: Run) -> str:
        return f"{run.input_tokens:,} in, {run.output_tokens:,} out"

    @admin.display(description="Temporal")
    def temporal(self, run: Run) -> str:
        return format_html(
            '<a class="text-primary-600 dark:text-primary-400" href="{}" target="_blank" '
            'rel="noopener">Open in Temporal UI</a>',
            temporal_ui_link(run),
        )

    @admin.display(description="Inputs")
    def given(self, run: Run) -> str:
        return value_of(run, run.inputs)

    @admin.display(description="Outputs")
    def made(self, run: Run) -> str:
        return value_of(run, run.outputs)

    @admin.display(description="Error")
    def failure(self, run: Run) -> str:
        return error_of(run, run.error)

    @admin.display(description="Events")
    def happened(self, run: Run) -> str:
        last = list(run.events.order_by("-seq")[:EVENTS_SHOWN])
        left_out = run.last_seq - len(last)
        for event in last:
            facts = event.data if getattr(run, "values_open", False) else {}
            event.facts = json.dumps(facts, ensure_ascii=False)  # type: ignore[attr-defined]
        return render_to_string(
            "admin/execution/run/events.html",
            {"events": reversed(last), "left_out": max(left_out, 0)},
        )


@admin.register(NodeRun)
class NodeRunAdmin(HiddenValues, ReadOnlyAdmin):
    """One attempt of a node, with what went in and came out."""

    list_display = ("run_id", "node", "type", "attempt", "status", "started_at", "worker")
    list_filter = ("status",)
    search_fields = ("run__id", "node", "type")
    fields = (
        ("run", "node"),
        ("type", "path"),
        ("attempt", "status"),
        ("started_at", "finished_at"),
        ("model", "cost"),
        ("input_tokens", "output_tokens"),
        ("reused", "worker"),
        "went_in",
        "came_out",
        "failure",
    )
    readonly_fields = ("went_in", "came_out", "failure")

    def get_queryset(self, request: HttpRequest) -> QuerySet[NodeRun]:
        rows: QuerySet[NodeRun] = super().get_queryset(request)
        if not shows_one(request):
            rows = rows.defer("input", "output", "error")
        return rows.order_by("-id")  # Time-ordered ids: no sort.

    @admin.display(description="Input")
    def went_in(self, row: NodeRun) -> str:
        return value_of(row, row.input)

    @admin.display(description="Output")
    def came_out(self, row: NodeRun) -> str:
        return value_of(row, row.output)

    @admin.display(description="Error")
    def failure(self, row: NodeRun) -> str:
        return error_of(row, row.error)


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    """Drafts as they were run."""

    list_display = ("digest", "workspace", "created_at")
    list_select_related = ("workspace",)
    search_fields = ("digest", "workspace__slug")
    fields = ("workspace", "digest", "created_at", "content")
    readonly_fields = ("content",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Snapshot]:
        rows: QuerySet[Snapshot] = super().get_queryset(request)
        return rows if shows_one(request) else rows.defer("document")

    @admin.display(description="Document")
    def content(self, snapshot: Snapshot) -> str:
        return as_json(snapshot.document)


@admin.register(Blob)
class BlobAdmin(ReadOnlyAdmin):
    """Large values; the value itself is not shown."""

    list_display = ("digest", "kind", "size", "workspace", "created_at")
    list_select_related = ("workspace",)
    list_filter = ("kind",)
    search_fields = ("digest", "workspace__slug")
    fields = list_display


def _duration(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "–"
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
