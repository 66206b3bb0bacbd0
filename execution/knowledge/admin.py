"""Operators' tables of knowledge: collections, their documents, and the indexes."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from accounts.operators.tables import ReadOnlyAdmin, shows_one
from execution.knowledge.models import Collection, Document, SearchIndex
from execution.run_values import HiddenValues, value_of

#: Characters of a document that its page shows.
SHOWN = 2_000


@admin.register(Collection)
class CollectionAdmin(ReadOnlyAdmin):
    """Collections; they are changed on the pages, never here."""

    list_display = ("name", "workspace", "model", "language", "chunk_size", "created_at")
    list_select_related = ("workspace",)
    list_filter = (("workspace", AutocompleteSelectFilter), ("created_at", RangeDateTimeFilter))
    search_fields = ("name", "slug", "id")
    ordering = ("-created_at",)


@admin.register(SearchIndex)
class SearchIndexAdmin(ReadOnlyAdmin):
    """Indexes with how far they are, and what holds them up."""

    list_display = (
        "collection_id",
        "number",
        "workspace",
        "state",
        "model",
        "chunks",
        "own_indexes",
        "failures",
        "worked_at",
    )
    list_select_related = ("workspace",)
    list_filter = ("state", ("workspace", AutocompleteSelectFilter))
    search_fields = ("collection__id", "model")
    ordering = ("-worked_at",)


@admin.register(Document)
class DocumentAdmin(HiddenValues, ReadOnlyAdmin):
    """Documents, without the bulk of their texts."""

    list_display = ("name", "collection", "media_type", "characters", "created_at")
    list_select_related = ("collection",)
    list_filter = ("media_type", ("created_at", RangeDateTimeFilter))
    search_fields = ("name", "source", "digest", "id")
    ordering = ("-created_at",)
    fields = (
        ("collection", "name"),
        ("source", "media_type"),
        ("characters", "digest"),
        "facts",
        "beginning",
        ("created_by", "created_at"),
    )
    readonly_fields = ("facts", "beginning")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows if shows_one(request) else rows.defer("text")

    @admin.display(description="Metadata")
    def facts(self, document: Document) -> str:
        return value_of(document, document.metadata)

    @admin.display(description="Text (its beginning)")
    def beginning(self, document: Document) -> str:
        return value_of(document, document.text[:SHOWN])
