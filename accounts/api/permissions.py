"""The default gate of the API."""

from rest_framework.permissions import BasePermission


class HasWorkspace(BasePermission):
    """Deny by default."""

    def has_permission(self, request, view):  # type: ignore[no-untyped-def]
        return False
