"""REST views of the accounts app."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import KeyAuth
from accounts.api.permissions import caller
from accounts.permissions import SCOPE_ACTIONS
from fluxprompt.api.views import ApiView

_WORKSPACE = inline_serializer(
    "MeWorkspace",
    {
        "id": serializers.UUIDField(),
        "name": serializers.CharField(),
        "slug": serializers.SlugField(),
    },
)
_KEY = inline_serializer(
    "MeKey",
    {
        "id": serializers.UUIDField(),
        "name": serializers.CharField(),
        "prefix": serializers.CharField(),
        "expires_at": serializers.DateTimeField(allow_null=True),
    },
    required=False,
)
_USER = inline_serializer(
    "MeUser",
    {
        "id": serializers.UUIDField(),
        "name": serializers.CharField(),
        "email": serializers.EmailField(),
    },
    required=False,
)
_ME = inline_serializer(
    "Me",
    {
        "workspace": _WORKSPACE,
        "scopes": serializers.ListField(child=serializers.CharField()),
        "key": _KEY,
        "user": _USER,
    },
)


class MeView(ApiView):
    """The workspace and scopes of the caller."""

    required_action: ClassVar[dict[str, str]] = {"GET": "workspace.read"}

    @extend_schema(operation_id="me", summary="Workspace and scopes of the key", responses=_ME)
    def get(self, request: Request) -> Response:
        auth: Any = request.auth
        actor = caller(request)
        workspace = auth.workspace
        answer: dict[str, Any] = {
            "workspace": {
                "id": str(workspace.id),
                "name": workspace.name,
                "slug": workspace.slug,
            },
            "scopes": [
                scope for scope, actions in SCOPE_ACTIONS.items() if actions <= actor.actions
            ],
        }
        if isinstance(auth, KeyAuth):
            answer["scopes"] = list(actor.scopes)
            answer["key"] = {
                "id": str(auth.id),
                "name": auth.name,
                "prefix": auth.prefix,
                "expires_at": auth.expires_at,
            }
        else:
            user = auth.user
            answer["user"] = {"id": str(user.id), "name": user.name, "email": user.email}
        return Response(answer)
