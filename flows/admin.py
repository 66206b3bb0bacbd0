"""Operators' tables of flows and their versions."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from accounts.operators.tables import (
    NoAdding,
    OperatorAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    as_json,
    operator_actor,
    shows_one,
)
from flows.models import (
    Edge,
    FileFlow,
    Flow,
    FlowChange,
    FlowShare,
    FlowVersion,
    Folder,
    Node,
    Tag,
)
from flows.services import update_flow


class NodeInline(ReadOnlyInline):
    """The draft's nodes."""

    model = Node
    fields = ("position", "key", "type", "label", "parent", "on_error", "disabled", "settings")
    readonly_fields = ("settings",)

    @admin.display(description="Config")
    def settings(self, node: Node) -> str:
        return as_json(node.config)


class EdgeInline(ReadOnlyInline):
    """The draft's edges."""

    model = Edge
    fields = ("position", "source", "port", "target")


class ShareInline(ReadOnlyInline):
    """Whom it is shared with."""

    model = FlowShare
    fields = ("user", "level", "created_by", "created_at")
    readonly_fields = ("created_at",)


@admin.register(Flow)
class FlowAdmin(NoAdding, OperatorAdmin):
    """Flows. The draft belongs to its builders: it is looked at here, not changed."""

    list_display = ("name", "workspace", "version", "node_count", "revision", "updated_at")
    list_select_related = ("workspace", "published")
    search_fields = ("name", "slug", "id", "workspace__name", "workspace__slug")
    list_filter = (
        ("workspace", AutocompleteSelectFilter),
        ("published", admin.EmptyFieldListFilter),
    )
    list_filter_submit = True
    fields = (
        "name",
        "description",
        "workspace",
        "slug",
        "revision",
        "published",
        "kept_for_file",
        "visibility",
        "created_by",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields[2:]
    inlines = (NodeInline, EdgeInline, ShareInline)
    audited_by_service = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flow]:
        rows: QuerySet[Flow] = super().get_queryset(request)
        return rows.annotate(node_total=Count("nodes"))

    @admin.display(description="Nodes", ordering="node_total")
    def node_count(self, flow: Any) -> int:
        total: int = flow.node_total
        return total

    @admin.display(description="Published", ordering="published__number")
    def version(self, flow: Flow) -> str:
        return f"v{flow.published.number}" if flow.published else "–"

    @admin.display(description="Kept for the file")
    def kept_for_file(self, flow: Flow) -> str:
        name = FileFlow.objects.filter(flow=flow).values_list("name", flat=True).first()
        return name or "–"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        update_flow(
            operator_actor(request, obj.workspace_id),
            Flow.objects.get(pk=obj.pk),
            name=obj.name,
            description=obj.description,
        )


@admin.register(FlowVersion)
class FlowVersionAdmin(ReadOnlyAdmin):
    """Published versions."""

    list_display = ("flow", "number", "workspace", "note", "created_by", "created_at")
    list_select_related = ("flow__workspace", "created_by")
    list_filter = (("flow", AutocompleteSelectFilter),)
    search_fields = ("flow__name", "digest")
    fields = ("flow", "number", "note", "digest", "created_by", "created_at", "content")
    readonly_fields = ("content",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[FlowVersion]:
        rows: QuerySet[FlowVersion] = super().get_queryset(request)
        # A list of versions needs no documents, which may have megabytes.
        return rows if shows_one(request) else rows.defer("document")

    @admin.display(description="Workspace")
    def workspace(self, version: FlowVersion) -> str:
        return str(version.flow.workspace)

    @admin.display(description="Document")
    def content(self, version: FlowVersion) -> str:
        return as_json(version.document)


@admin.register(FlowChange)
class FlowChangeAdmin(ReadOnlyAdmin):
    """Changes of drafts, as editors follow them: who did what."""

    list_display = ("flow", "revision", "label", "actor", "workspace", "at")
    list_select_related = ("flow__workspace",)
    list_filter = (("flow", AutocompleteSelectFilter),)
    search_fields = ("flow__name", "label", "actor")
    fields = ("flow", "revision", "label", "actor", "user", "at", "content", "clashes")
    readonly_fields = ("content", "clashes")
    ordering = ("-at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[FlowChange]:
        rows: QuerySet[FlowChange] = super().get_queryset(request)
        # A list of changes needs no operations, which may have a megabyte.
        return rows if shows_one(request) else rows.defer("ops", "conflicts")

    @admin.display(description="Workspace")
    def workspace(self, change: FlowChange) -> str:
        return str(change.flow.workspace)

    @admin.display(description="Operations")
    def content(self, change: FlowChange) -> str:
        return as_json(change.ops)

    @admin.display(description="Conflicts")
    def clashes(self, change: FlowChange) -> str:
        return as_json(change.conflicts)


@admin.register(Folder)
class FolderAdmin(ReadOnlyAdmin):
    """Folders of workspaces."""

    list_display = ("name", "parent", "workspace")
    list_select_related = ("parent", "workspace")
    search_fields = ("name", "workspace__name")
    fields = ("name", "parent", "workspace")


@admin.register(Tag)
class TagAdmin(ReadOnlyAdmin):
    """Words that flows are marked with."""

    list_display = ("name", "colour", "workspace")
    list_select_related = ("workspace",)
    search_fields = ("name", "workspace__name")
    fields = ("name", "colour", "workspace")
