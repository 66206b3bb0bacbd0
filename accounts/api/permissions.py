"""The default gate of the API: no call without an action that the caller may do."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.permissions import Actor


def caller(request: Request) -> Actor:
    """Who calls, for services. Only for views behind HasWorkspace."""
    actor: Any = request.user
    assert isinstance(actor, Actor)
    return actor


class HasWorkspace(BasePermission):
    """Deny by default: a view says what each method needs.

    `required_action = {"GET": "flow.read", "POST": "flow.create"}`; HEAD counts as GET. A method
    the view has but the table has not is refused. Raises PermissionRefused, whose sentence names
    the scope or role that would help.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        actor: Any = request.user
        if not isinstance(actor, Actor):
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method == "OPTIONS" or not hasattr(view, method.lower()):
            return True  # The view itself answers what it offers, or 405.
        action = getattr(view, "required_action", {}).get(method)
        if action is None:
            return False
        actor.require(action)
        return True
