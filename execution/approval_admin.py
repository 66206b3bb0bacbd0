"""Operators' table of approvals: what runs waited for, and who decided."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from accounts.operators.tables import ReadOnlyAdmin, as_json
from execution.approval_models import Approval
from execution.run_values import HiddenValues, value_of


@admin.register(Approval)
class ApprovalAdmin(HiddenValues, ReadOnlyAdmin):
    """Approvals; they are decided on the pages, never here."""

    list_display = (
        "node",
        "run_id",
        "workspace",
        "state",
        "decision",
        "decided_via",
        "created_at",
        "deadline",
        "delivered_at",
    )
    list_select_related = ("workspace",)
    list_filter = (
        "state",
        "decision",
        ("workspace", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("run__id", "node")
    ordering = ("-created_at",)
    fields = (
        ("run", "workspace"),
        ("node", "label"),
        ("path", "state"),
        "said",
        ("deadline", "on_timeout"),
        ("decision", "decided_via"),
        ("decided_by", "decided_at"),
        "commented",
        "asked_for",
        "filled_in",
        "who",
        ("created_at", "notified_at"),
        ("woken_at", "delivered_at"),
    )
    readonly_fields = ("said", "commented", "asked_for", "filled_in", "who")

    @admin.display(description="Message")
    def said(self, approval: Approval) -> str:
        return value_of(approval, approval.message)

    @admin.display(description="Comment")
    def commented(self, approval: Approval) -> str:
        return value_of(approval, approval.comment)

    @admin.display(description="Fields and assignees")
    def asked_for(self, approval: Approval) -> str:
        asked = {"fields": approval.fields, "assignees": approval.assignees}
        return as_json({**asked, "mailed": approval.mailed})

    @admin.display(description="Filled in")
    def filled_in(self, approval: Approval) -> str:
        return value_of(approval, approval.data)

    @admin.display(description="By")
    def who(self, approval: Approval) -> str:
        return as_json(approval.decider)
