"""Operators' tables of who is where: roles and memberships change and end by the services."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import TabularInline

from accounts.errors import MembershipRefused
from accounts.members.changes import change_role
from accounts.members.closing import end_membership
from accounts.models import Membership, Role
from accounts.operators.tables import OperatorAdmin, operator_actor


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]
    """A membership. Whose it is, and where, stays: another person's is another membership."""

    class Meta:
        model = Membership
        fields = ("workspace", "user", "role", "invited_by")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            return
        for name in {"user", "workspace"} & set(self.fields):
            self.fields[name].disabled = True


class MembershipInline(TabularInline):
    """Who is in it."""

    model = Membership
    form = MembershipForm
    extra = 0
    autocomplete_fields = ("user", "workspace")
    exclude = ("invited_by",)


class TheirsInline(MembershipInline):
    """Where somebody is a member."""

    fk_name = "user"


class WithMemberships:
    """An admin with memberships below its row: what the services refuse of them is said."""

    def changeform_view(self, request: HttpRequest, *given: Any, **more: Any) -> HttpResponse:
        return _or_said(request, super().changeform_view, *given, **more)  # type: ignore[misc]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if formset.model is not Membership:
            super().save_formset(request, form, formset, change)  # type: ignore[misc]
            return
        formset.save(commit=False)
        for row in formset.new_objects:
            row.save()
        # Owners are made before others stop being one, so that one may follow the other.
        changed = [row for row, _ in formset.changed_objects]
        for row in sorted(changed, key=lambda row: row.role != Role.OWNER):
            change_role(operator_actor(request, row.workspace_id), row, row.role)
        for row in formset.deleted_objects:
            end_membership(operator_actor(request, row.workspace_id), row)


@admin.register(Membership)
class MembershipAdmin(OperatorAdmin):
    """Who is where, as what."""

    form = MembershipForm
    list_display = ("user", "workspace", "role", "created_at")
    list_select_related = ("user", "workspace")
    list_filter = ("role",)
    search_fields = ("user__email", "workspace__name", "workspace__slug")
    autocomplete_fields = ("user", "workspace")

    def changelist_view(self, request: HttpRequest, *given: Any, **more: Any) -> HttpResponse:
        return _or_said(request, super().changelist_view, *given, **more)

    def changeform_view(self, request: HttpRequest, *given: Any, **more: Any) -> HttpResponse:
        return _or_said(request, super().changeform_view, *given, **more)

    def delete_view(self, request: HttpRequest, *given: Any, **more: Any) -> HttpResponse:
        return _or_said(request, super().delete_view, *given, **more)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        if change:
            change_role(operator_actor(request, obj.workspace_id), obj, obj.role)
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """As it ends on the members' page: keys are revoked, and an owner stays."""
        end_membership(operator_actor(request, obj.workspace_id), obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset:
            self.delete_model(request, membership)


def _or_said(
    request: HttpRequest, page: Callable[..., HttpResponse], *given: Any, **more: Any
) -> HttpResponse:
    """The page; where a service refused, nothing of what was sent happened, and the page says why.

    All or nothing: the admin writes what it deletes to the trail before it does.
    """
    try:
        with transaction.atomic():
            return page(request, *given, **more)
    except MembershipRefused as refused:
        messages.error(request, refused.message)
        return HttpResponseRedirect(request.get_full_path())
