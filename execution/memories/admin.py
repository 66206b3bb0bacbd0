"""Operators' tables of memories: to look at; sessions are forgotten by the API."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from accounts.operators.tables import ReadOnlyAdmin, shows_one
from execution.memories.models import Memory, MemoryEntry
from execution.run_values import HiddenValues, value_of


@admin.register(Memory)
class MemoryAdmin(ReadOnlyAdmin):
    """What flows remember: whose, how much, and since when nothing was added."""

    list_display = (
        "id",
        "scope",
        "name",
        "node",
        "session_id",
        "flow",
        "workspace",
        "count",
        "size",
        "updated_at",
    )
    list_select_related = ("flow", "workspace")
    list_filter = (
        "scope",
        ("workspace", AutocompleteSelectFilter),
        ("flow", AutocompleteSelectFilter),
        ("updated_at", RangeDateTimeFilter),
    )
    search_fields = ("=session_id", "name", "node")
    ordering = ("-id",)
    fields = (
        ("workspace", "flow"),
        ("scope", "session_id"),
        ("name", "node"),
        ("count", "size"),
        ("created_at", "updated_at"),
    )


@admin.register(MemoryEntry)
class MemoryEntryAdmin(HiddenValues, ReadOnlyAdmin):
    """Single entries, newest first."""

    list_display = ("id", "memory", "number", "size", "run_id", "created_at")
    list_select_related = ("memory",)
    search_fields = ("=run_id", "=memory__session_id")
    ordering = ("-id",)
    fields = (("memory", "number"), ("run_id", "created_at"), "size", "content")
    readonly_fields = ("content",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MemoryEntry]:
        rows: QuerySet[MemoryEntry] = super().get_queryset(request)
        return rows if shows_one(request) else rows.defer("value")

    @admin.display(description="Value")
    def content(self, entry: MemoryEntry) -> str:
        return value_of(entry, entry.value)
