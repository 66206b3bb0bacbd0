"""Operators' table of files; their bytes are not shown."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from accounts.operators.tables import ReadOnlyAdmin
from execution.files.models import File


@admin.register(File)
class FileAdmin(ReadOnlyAdmin):
    """Files: whose, how large, until when. They can be deleted; the bytes go with a sweep."""

    list_display = ("name", "workspace", "media_type", "size", "run_id", "created_at", "expires_at")
    list_select_related = ("workspace",)
    list_filter = (
        ("workspace", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
        "media_type",
    )
    search_fields = ("id", "name", "sha256")
    ordering = ("-created_at",)

    def has_delete_permission(self, request: HttpRequest, obj: File | None = None) -> bool:
        return request.user.has_perm("files.delete_file")  # type: ignore[union-attr]
