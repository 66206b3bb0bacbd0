"""Operators' tables of how people sign in: addresses, factors, sessions, accounts elsewhere."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin import ActionLocation
from django.http import HttpRequest

from accounts.models import User
from accounts.operators.tables import NoAdding, OperatorAdmin

# Providers are the environment's, and their tokens are not stored: those tables stay empty.
for foreign in (EmailAddress, Authenticator, UserSession, SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(foreign)


def is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def may_touch(request: HttpRequest, person: User | None) -> bool:
    """Else an operator with few rights sets a superuser's password and signs in as them."""
    powerful = person is not None and (person.is_staff or person.is_superuser)
    return not powerful or is_superuser(request)


class OfAPerson(OperatorAdmin):
    """What lets a person in: nobody touches a more powerful person's."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        person = obj.user if obj is not None else None
        return may_touch(request, person) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        person = obj.user if obj is not None else None
        return may_touch(request, person) and bool(super().has_delete_permission(request, obj))

    def get_actions(
        self, request: HttpRequest, action_location: Any = ActionLocation.CHANGE_LIST
    ) -> Any:
        # Actions on many rows ask for no row's permission.
        if not is_superuser(request):
            return {}
        return super().get_actions(request, action_location=action_location)


@admin.register(EmailAddress)
class EmailAddressAdmin(OfAPerson):
    """Addresses that were verified."""

    list_display = ("email", "user", "primary", "verified")
    list_select_related = ("user",)
    list_filter = ("primary", "verified")
    search_fields = ("email", "user__email")
    autocomplete_fields = ("user",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        # An address added to somebody powerful would be a way to their password.
        return is_superuser(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if is_superuser(request) else (*fields, "user")


@admin.register(Authenticator)
class AuthenticatorAdmin(NoAdding, OfAPerson):
    """Second factors; deleting one lets a person in who lost theirs. The secret is not shown."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    list_filter = ("type",)
    search_fields = ("user__email",)
    fields = readonly_fields = ("user", "type", "created_at", "last_used_at")


@admin.register(UserSession)
class UserSessionAdmin(NoAdding, OfAPerson):
    """Where people are signed in; the session's key is not shown."""

    list_display = ("user", "ip", "user_agent", "created_at", "last_seen_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "ip")
    fields = readonly_fields = ("user", "ip", "user_agent", "created_at", "last_seen_at")


@admin.register(SocialAccount)
class SocialAccountAdmin(NoAdding, OfAPerson):
    """Accounts elsewhere with which people sign in; deleting one ends that."""

    list_display = ("user", "provider", "date_joined", "last_login")
    list_select_related = ("user",)
    list_filter = ("provider",)
    search_fields = ("user__email",)
    fields = readonly_fields = (*list_display, "extra_data")
