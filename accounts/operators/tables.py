"""What the operators' admin of every app builds on: an audit trail, read-only tables, links."""

import json
from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.paginator import InfinitePaginator

from accounts.models import User, Workspace
from accounts.operators.log_names import called, with_addresses, without_names
from accounts.permissions import ALL_ACTIONS, Actor
from accounts.services import record_audit

#: Characters of a JSON value that a page shows.
SHOWN = 20_000


def operator_actor(request: HttpRequest, workspace_id: UUID) -> Actor:
    """The signed-in operator, acting on a workspace from outside; for services."""
    assert isinstance(request.user, User)
    return Actor(workspace_id, f"operator {request.user}", ALL_ACTIONS, user_id=request.user.id)


def workspace_id_of(row: models.Model) -> UUID | None:
    """The workspace a row belongs to, directly or through its flow, run or collection."""
    if isinstance(row, Workspace):
        return row.id
    found: UUID | None = getattr(row, "workspace_id", None)
    if found is not None:
        return found
    for parent in ("memory", "flow", "run", "collection"):
        if hasattr(row, f"{parent}_id"):
            return workspace_id_of(getattr(row, parent))
    return None


class OperatorAdmin(ModelAdmin):
    """A table for operators. What they change goes to the audit trail as well."""

    show_full_result_count = False  # It counts the whole table at every visit.
    list_per_page = 50
    compressed_fields = True
    warn_unsaved_form = True
    #: Services called by `save_model` write the audit event themselves.
    audited_by_service = False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only by what the list offers a filter for, or by the key.

        Django takes every field of the table, shown or not: with questions like
        `?session_key__startswith=a` whoever sees the list reads what it hides, letter by letter.
        """
        first, *rest = lookup.split(LOOKUP_SEP)
        key = self.opts.pk.name
        try:
            field = self.opts.get_field(key if first == "pk" else first)
        except FieldDoesNotExist:
            pass  # A filter's own parameter; whatever else it is, no column has the name.
        else:
            if field.name != key and field.name not in self._filtered_fields(request):
                return False
            # Django knows no field by the name `pk`, and would let pass what stands behind it.
            lookup = LOOKUP_SEP.join((field.name, *rest))
        return bool(super().lookup_allowed(lookup, value, request))

    def _filtered_fields(self, request: HttpRequest) -> set[str]:
        """The table's own fields that its filters begin with."""
        given = [self.date_hierarchy] if self.date_hierarchy else []
        for item in self.get_list_filter(request):
            name = item[0] if isinstance(item, (list, tuple)) else item
            given.append(name if isinstance(name, str) else name.parameter_name)
        return {name.split(LOOKUP_SEP)[0] for name in given}

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        self._audit(request, "operator.add", obj, changes=message)
        return _log(request, [obj], ADDITION, message)

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        self._audit(request, "operator.change", obj, changes=message)
        return _log(request, [obj], CHANGE, message)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[models.Model]) -> Any:
        rows = list(queryset)
        for row in rows:
            self._audit(request, "operator.delete", row, named=called(row)[:200])
        return _log(request, rows, DELETION)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        told = super().construct_change_message(request, form, formsets, add)
        return without_names(told, formsets or ())

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        page: Any = super().history_view(request, object_id, extra_context)
        # Of a row that is not there it leads elsewhere.
        with_addresses((getattr(page, "context_data", None) or {}).get("action_list", ()))
        return cast(HttpResponse, page)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """A superuser may delete what hangs on a row even where its own table is read-only."""
        shown, counts, refused, protected = super().get_deleted_objects(objs, request)
        if getattr(request.user, "is_superuser", False):
            refused = set()
        return shown, counts, refused, protected

    def _audit(self, request: HttpRequest, action: str, row: models.Model, **details: Any) -> None:
        if self.audited_by_service and action != "operator.delete":
            return
        record_audit(
            action,
            row,
            workspace_id=workspace_id_of(row),
            user_id=request.user.pk,
            label=f"operator {request.user}",
            details=details,
        )


def _log(request: HttpRequest, rows: list[Any], flag: int, message: Any = "") -> list[LogEntry]:
    """Lines of the console's log, as Django writes them but for what they call the rows."""
    assert isinstance(request.user, User)
    lines = LogEntry.objects.log_actions(request.user.pk, rows, flag, message)
    for line, row in zip(lines, rows, strict=True):
        line.object_repr = called(row)[:200]
    LogEntry.objects.bulk_update(lines, ["object_repr"])
    return lines


class NoAdding:
    """Rows that only the product itself makes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(NoAdding):
    """Rows that are looked at only."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, OperatorAdmin):
    """A table to look at; it may be very long, so that its rows are never counted."""

    paginator = InfinitePaginator
    list_filter_submit = True


def shows_one(request: HttpRequest) -> bool:
    """Whether one row is asked for, with its large values, and not the list."""
    return bool(request.resolver_match and "object_id" in request.resolver_match.kwargs)


class ReadOnlyInline(ReadOnly, TabularInline):
    """Rows below their parent, to look at."""

    extra = 0
    per_page = 50
    show_change_link = False


def as_json(value: Any) -> SafeString | str:
    """A JSON value as an indented block; the start of it where it is very long."""
    if value in (None, "", {}, []):
        return "–"
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    rest = f"\n… {len(text) - SHOWN:,} more characters" if len(text) > SHOWN else ""
    return format_html(
        '<pre style="white-space: pre-wrap; overflow-wrap: anywhere; max-height: 40rem; '
        'overflow-y: auto">{}{}</pre>',
        text[:SHOWN],
        rest,
    )
