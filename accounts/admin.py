"""Operators' tables of people, workspaces, keys, secrets and the audit trail."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.forms import AdminPasswordChangeForm

from accounts.admin_forms import (
    CredentialForm,
    NewWorkspaceForm,
    PersonChangeForm,
    PersonCreationForm,
)
from accounts.authentication.admin import is_superuser, may_touch
from accounts.authentication.vouching import vouch_for
from accounts.credentials.types import FIELDS
from accounts.errors import DeletionRefused
from accounts.forms import LIMITS
from accounts.members.admin import MembershipInline, TheirsInline, WithMemberships
from accounts.models import (
    ApiKey,
    AuditEvent,
    Credential,
    Invitation,
    User,
    Variable,
    Workspace,
)
from accounts.operators import admin as _operator_admin  # noqa: F401  (registers its tables)
from accounts.operators.deletions import ClosedByService
from accounts.operators.operating import operator_of
from accounts.operators.tables import (
    NoAdding,
    OperatorAdmin,
    ReadOnlyAdmin,
    as_json,
    operator_actor,
)
from accounts.people.departing import delete_person, hold_people, hold_workspaces_of
from accounts.services import (
    create_credential,
    create_workspace,
    limit_credential,
    replace_secret,
    revoke_api_key,
)

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(WithMemberships, OperatorAdmin, DjangoUserAdmin):  # type: ignore[type-arg]
    """People. Only superusers hand out power."""

    form = PersonChangeForm
    add_form = PersonCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "name")
    ordering = ("email",)
    readonly_fields = ("last_login", "date_joined")
    inlines = (TheirsInline,)
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Rights of an operator", {"fields": ("user_permissions",), "classes": ("collapse",)}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "password1", "password2")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if getattr(request.user, "is_superuser", False):
            return fields
        return (*fields, "is_staff", "is_superuser", "groups", "user_permissions")

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """As a person deletes themselves: keys and sessions stop, and the trail forgets them."""
        try:
            delete_person(obj, by=operator_of(cast(User, request.user)))
        except DeletionRefused as refused:
            raise PermissionDenied(refused.message) from None

    def changelist_view(self, request: HttpRequest, *given: Any, **more: Any) -> HttpResponse:
        # All or none of those that are chosen, with what the trail says of it before.
        with transaction.atomic():
            return super().changelist_view(request, *given, **more)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        chosen = list(queryset)
        try:
            hold_people(chosen)
        except DeletionRefused as refused:
            raise PermissionDenied(refused.message) from None
        for person in chosen:
            self.delete_model(request, person)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_touch(request, obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_touch(request, obj) and bool(super().has_delete_permission(request, obj))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if change:
            # Before them, as wherever both are locked: their memberships come with the form.
            hold_workspaces_of([obj])
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        person = form.instance
        if not change or "email" in form.changed_data:
            vouch_for(person, instead_of=form.initial.get("email", "") if change else "")
        if not change and not person.memberships.exists():
            create_workspace(person, name=person.default_workspace_name)


@admin.register(Group)
class GroupAdmin(OperatorAdmin, DjangoGroupAdmin):  # type: ignore[type-arg]
    """Sets of rights for operators who are not superusers; only superusers change them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)


@admin.register(Invitation)
class InvitationAdmin(NoAdding, OperatorAdmin):
    """Who was asked to join which workspace; the link is not shown. Deleting one takes it back."""

    list_display = ("email", "workspace", "role", "expires_at", "accepted_at", "revoked_at")
    list_select_related = ("workspace",)
    list_filter = (("workspace", AutocompleteSelectFilter), "role")
    search_fields = ("email",)
    fields = readonly_fields = (
        *("email", "workspace", "role", "mailed", "invited_by"),
        *("created_at", "expires_at", "accepted_at", "revoked_at"),
    )


@admin.register(Workspace)
class WorkspaceAdmin(WithMemberships, ClosedByService, OperatorAdmin):
    """Tenants."""

    list_display = (
        "name",
        "slug",
        "member_count",
        "default_model",
        "max_running",
        "retention_days",
        "created_at",
    )
    search_fields = ("name", "slug")
    # A plan is given with a reason, on the console's page of plans.
    readonly_fields = ("plan", "created_at")
    inlines = (MembershipInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        rows: QuerySet[Workspace] = super().get_queryset(request)
        return rows.annotate(member_total=Count("memberships"))

    @admin.display(description="Members", ordering="member_total")
    def member_count(self, row: Any) -> int:
        total: int = row.member_total
        return total

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewWorkspaceForm
        return super().get_form(request, obj, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("name", "owner") if obj is None else super().get_fields(request, obj)

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.inlines

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        made = create_workspace(form.cleaned_data["owner"], name=obj.name)
        obj.pk, obj.slug, obj._state.adding = made.pk, made.slug, False


@admin.register(ApiKey)
class ApiKeyAdmin(NoAdding, OperatorAdmin):
    """Keys: made by members, stopped here. The digest is not shown."""

    list_display = (
        "name",
        "prefix",
        "workspace",
        "created_by",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_select_related = ("workspace", "created_by")
    search_fields = ("name", "prefix", "workspace__name", "workspace__slug")
    fields = readonly_fields = (
        *list_display,
        "last_used_ip",
        "requests_per_minute",
        "monthly_budget",
        "scopes",
    )
    actions = ("revoke",)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            revoke_api_key(operator_actor(request, key.workspace_id), key)
        self.message_user(request, "The selected keys are revoked; they stop working at once.")


@admin.register(Credential)
class CredentialAdmin(OperatorAdmin):
    """Secrets: written here, never read."""

    form = CredentialForm
    list_display = ("name", "type", "workspace", "created_by", "updated_at")
    list_select_related = ("workspace", "created_by")
    list_filter = ("type",)
    search_fields = ("name", "workspace__name", "workspace__slug")
    autocomplete_fields = ("workspace",)
    audited_by_service = True
    #: Which fields a new credential's form shows for the chosen type (read by Alpine).
    conditional_fields = {  # noqa: RUF012
        name: " || ".join(
            f"type == '{kind}'"
            for kind, fields in FIELDS.items()
            if any(field.name == name for field in fields)
        )
        for name in CredentialForm.VALUE_FIELDS
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("workspace", "type", "name", "created_by", "created_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("workspace", "type", "name", *CredentialForm.VALUE_FIELDS, *LIMITS)
        own = tuple(field.name for field in FIELDS[obj.type])
        return ("workspace", "type", "name", *own, *LIMITS, "created_by", "created_at")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor = operator_actor(request, obj.workspace_id)
        limits = {name: form.cleaned_data.get(name) for name in LIMITS}
        if change:
            if set(form.changed_data) & set(LIMITS):
                limit_credential(actor, obj, **limits)
            replace_secret(actor, obj, form.values())
            return
        made = create_credential(
            actor, name=obj.name, type=obj.type, values=form.values(), **limits
        )
        obj.pk, obj._state.adding = made.pk, False


@admin.register(Variable)
class VariableAdmin(OperatorAdmin):
    """Plain values that flows read."""

    list_display = ("name", "workspace")
    list_select_related = ("workspace",)
    search_fields = ("name", "workspace__name", "workspace__slug")
    autocomplete_fields = ("workspace",)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Who did what, when."""

    list_display = ("at", "actor", "action", "target_type", "target_id", "workspace", "via", "ip")
    list_select_related = ("workspace",)
    list_filter = (("workspace", AutocompleteSelectFilter), ("at", RangeDateTimeFilter))
    search_fields = ("actor", "action", "target_type", "target_id", "ip")
    fields = (
        *("at", "actor", "user", "via", "ip", "action", "target_type", "target_id", "workspace"),
        "facts",
    )
    readonly_fields = ("facts",)

    @admin.display(description="Details")
    def facts(self, event: AuditEvent) -> str:
        return as_json(event.details)
