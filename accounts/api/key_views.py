"""REST views of API keys."""

from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from rest_framework.response import Response

from accounts import hooks, queries, services
from accounts.api import schemas
from accounts.keys.changes import CHANGEABLE, update_api_key
from accounts.models import ApiKey
from accounts.permissions import DEFAULT_SCOPES
from fluxprompt.api.moments import moment
from fluxprompt.api.openapi import PAGING, call, page_of
from fluxprompt.api.paging import newest_first
from fluxprompt.api.problems import refuse
from fluxprompt.api.views import ApiView, text_field

TAG = "Keys"


class KeyView(ApiView):
    """Calls about keys."""

    def key(self, key_id: UUID) -> ApiKey:
        found = queries.api_keys(self.actor).filter(id=key_id).first()
        if found is None:
            raise Http404("There is no such API key in this workspace.")
        return found

    def shown(self, keys: list[ApiKey]) -> list[dict[str, Any]]:
        spent = hooks.spent_by_keys([key.id for key in keys])
        return [_payload(key, spent.get(key.id, Decimal(0))) for key in keys]

    def asked(self) -> dict[str, Any]:
        """What the body has of CHANGEABLE, each of its type."""
        body = self.object_body(*CHANGEABLE)
        read = {
            "name": lambda: text_field(body, "name", most=120, required=True),
            "scopes": lambda: _scopes(body["scopes"]),
            "expires_at": lambda: moment(
                text_field(body, "expires_at", most=40) or "", "expires_at"
            ),
            "requests_per_minute": lambda: whole_or_none(body, "requests_per_minute"),
            "monthly_budget": lambda: _dollars(body["monthly_budget"]),
        }
        return {name: read[name]() for name in CHANGEABLE if name in body}


class KeysView(KeyView):
    """The keys of the workspace."""

    required_action: ClassVar = {"GET": "key.manage", "POST": "key.manage"}

    @call(
        "list_keys",
        "List API keys that were not revoked, newest first",
        {
            200: (
                "A page of keys",
                page_of(schemas.KEY),
                {"results": [schemas.KEY_EXAMPLE], "next": None},
            )
        },
        parameters=PAGING,
        tag=TAG,
    )
    def get(self, request: Any) -> Response:
        page = newest_first(
            queries.api_keys(self.actor),
            by="created_at",
            limit=self.limit,
            cursor=self.query("cursor"),
        )
        return Response({"results": self.shown(page.results), "next": page.next})

    @call(
        "create_key",
        "Make an API key",
        {
            201: (
                "The key with its token, which is not shown again",
                schemas.NEW_KEY,
                {**schemas.KEY_EXAMPLE, "token": "flux_k3v9x0qa_…"},
            )
        },
        description="A key makes none with more scopes or wider limits than its own. Without "
        "`scopes` it has all but those that manage the workspace.",
        body=schemas.KEY_CREATE,
        body_example={"name": "shop", "scopes": ["runs:read", "runs:write"]},
        tag=TAG,
    )
    def post(self, request: Any) -> Response:
        asked = {"name": "", "scopes": DEFAULT_SCOPES, **self.asked()}
        key, token = services.create_api_key(self.actor, **asked)
        (shown,) = self.shown([key])
        return Response(
            {**shown, "token": token}, status=201, headers={"Cache-Control": "no-store"}
        )


class OneKeyView(KeyView):
    """One key."""

    required_action: ClassVar = {"PATCH": "key.manage", "DELETE": "key.manage"}

    @call(
        "change_key",
        "Change an API key: its name, fewer scopes, its expiry and limits",
        {200: ("The key", schemas.KEY, schemas.KEY_EXAMPLE)},
        body=schemas.KEY_CHANGE,
        body_example={"requests_per_minute": 60},
        tag=TAG,
    )
    def patch(self, request: Any, key: UUID) -> Response:
        found = update_api_key(self.actor, self.key(key), self.asked())
        return Response(self.shown([found])[0])

    @call(
        "revoke_key",
        "Revoke an API key: it stops at once",
        {204: ("It is revoked", None, None)},
        tag=TAG,
    )
    def delete(self, request: Any, key: UUID) -> Response:
        services.revoke_api_key(self.actor, self.key(key))
        return Response(status=204)


def whole_or_none(body: dict[str, Any], name: str) -> int | None:
    """A member of a body that is a whole number or null."""
    value = body[name]
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise refuse(422, "type", f"'{name}' has to be a whole number or null.", name)


def _scopes(value: Any) -> list[str]:
    if isinstance(value, list) and all(isinstance(scope, str) for scope in value):
        return value
    raise refuse(422, "type", "'scopes' has to be a list of names.", "scopes")


def _dollars(value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return Decimal(str(value).strip())
    except InvalidOperation:
        pass
    raise refuse(422, "type", "'monthly_budget' has to be an amount or null.", "monthly_budget")


def _payload(key: ApiKey, spent: Decimal) -> dict[str, Any]:
    budget = key.monthly_budget
    return {
        "id": str(key.id),
        "name": key.name,
        "prefix": key.prefix,
        "scopes": key.scopes,
        "expires_at": key.expires_at,
        "requests_per_minute": key.requests_per_minute,
        "monthly_budget": None if budget is None else f"{budget:.4f}",
        "spent_this_month": f"{spent:.8f}",
        "last_used_at": key.last_used_at,
        "last_used_ip": key.last_used_ip,
        "created_at": key.created_at,
    }
