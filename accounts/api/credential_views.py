"""REST views of credentials and variables. What is secret goes in and never comes out."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from rest_framework.response import Response

from accounts import queries, services
from accounts.api import schemas
from accounts.api.key_views import whole_or_none
from accounts.credentials.changes import change_credential
from accounts.credentials.types import FIELDS
from accounts.credentials.use import delete_unused
from accounts.models import Credential
from fluxprompt.api.openapi import PAGING, PROBLEM, call, page_of, parameter
from fluxprompt.api.paging import newest_first
from fluxprompt.api.problems import refuse
from fluxprompt.api.views import ApiView, text_field

TAG = "Credentials"
LIMITS = ("max_concurrent", "requests_per_minute")


class CredentialView(ApiView):
    """Calls about credentials."""

    def credential(self, credential_id: UUID) -> Credential:
        found = queries.credentials(self.actor).filter(id=credential_id).first()
        if found is None:
            raise Http404("There is no such credential in this workspace.")
        return found


class CredentialsView(CredentialView):
    """The credentials of the workspace."""

    required_action: ClassVar = {"GET": "credential.manage", "POST": "credential.manage"}

    @call(
        "list_credentials",
        "List credentials, newest first, without their secrets",
        {
            200: (
                "A page of credentials",
                page_of(schemas.CREDENTIAL),
                {"results": [schemas.CREDENTIAL_EXAMPLE], "next": None},
            )
        },
        parameters=PAGING,
        tag=TAG,
    )
    def get(self, request: Any) -> Response:
        page = newest_first(
            queries.credentials(self.actor),
            by="created_at",
            limit=self.limit,
            cursor=self.query("cursor"),
        )
        shown = [credential_payload(one) for one in page.results]
        return Response({"results": shown, "next": page.next})

    @call(
        "create_credential",
        "Store a credential",
        {201: ("The credential", schemas.CREDENTIAL, schemas.CREDENTIAL_EXAMPLE)},
        body=schemas.CREDENTIAL_CREATE,
        body_example={"name": "Claude", "type": "anthropic", "values": {"api_key": "sk-…"}},
        tag=TAG,
    )
    @method_decorator(sensitive_variables())
    def post(self, request: Any) -> Response:
        body = self.object_body("name", "type", "values", *LIMITS)
        if "values" not in body:
            raise refuse(422, "required", "'values' is missing.", "values")
        kind = text_field(body, "type", most=24, required=True) or ""
        made = services.create_credential(
            self.actor,
            name=text_field(body, "name", most=120, required=True) or "",
            type=kind,
            values=_values(body["values"], kind),
            **{name: whole_or_none(body, name) for name in LIMITS if name in body},
        )
        return Response(credential_payload(made), status=201)


class OneCredentialView(CredentialView):
    """One credential."""

    required_action: ClassVar = {"PATCH": "credential.manage", "DELETE": "credential.manage"}

    @call(
        "change_credential",
        "Change a credential: its name, its fields and secrets, its limits",
        {200: ("The credential", schemas.CREDENTIAL, schemas.CREDENTIAL_EXAMPLE)},
        description="Of `values` those that are left out stay as they are. Where a field says "
        "where the secrets are sent, the secrets have to come along.",
        body=schemas.CREDENTIAL_CHANGE,
        body_example={"values": {"api_key": "sk-…"}},
        tag=TAG,
    )
    @method_decorator(sensitive_variables())
    def patch(self, request: Any, credential: UUID) -> Response:
        body = self.object_body("name", "values", *LIMITS)
        row = self.credential(credential)
        found = change_credential(
            self.actor,
            row,
            name=text_field(body, "name", most=120, required=True) if "name" in body else None,
            values={**row.settings, **_values(body["values"], row.type)}
            if "values" in body
            else None,
            limits={name: whole_or_none(body, name) for name in LIMITS if name in body},
        )
        return Response(credential_payload(found))

    @call(
        "delete_credential",
        "Delete a credential for ever",
        {
            204: ("It is deleted", None, None),
            409: ("Flows name it; `force=true` deletes it all the same", PROBLEM, None),
        },
        parameters=(
            parameter("force", "`true`: also where flows name it.", schema={"type": "boolean"}),
        ),
        tag=TAG,
    )
    def delete(self, request: Any, credential: UUID) -> Response:
        found = self.credential(credential)
        delete_unused(self.actor, found, even_used=self.query("force") == "true")
        return Response(status=204)


class VariablesView(ApiView):
    """The variables of the workspace."""

    required_action: ClassVar = {"GET": "workspace.read"}

    @call(
        "list_variables",
        "List all variables, by name",
        {
            200: (
                "All of them",
                page_of(schemas.VARIABLE),
                {"results": [schemas.VARIABLE_EXAMPLE], "next": None},
            )
        },
        tag="Variables",
    )
    def get(self, request: Any) -> Response:
        rows = queries.variables(self.actor).values("name", "value")
        return Response({"results": list(rows), "next": None})


class OneVariableView(ApiView):
    """One variable."""

    required_action: ClassVar = {"PUT": "variable.manage", "DELETE": "variable.manage"}

    @call(
        "set_variable",
        "Set a variable, made where it is not there",
        {200: ("The variable", schemas.VARIABLE, schemas.VARIABLE_EXAMPLE)},
        body=schemas.VARIABLE_SET,
        body_example={"value": "eu"},
        tag="Variables",
    )
    def put(self, request: Any, name: str) -> Response:
        body = self.object_body("value")
        if "value" not in body:
            raise refuse(422, "required", "'value' is missing.", "value")
        variable = services.set_variable(self.actor, name, body["value"])
        return Response({"name": variable.name, "value": variable.value})

    @call(
        "delete_variable",
        "Delete a variable",
        {204: ("It is deleted", None, None)},
        tag="Variables",
    )
    def delete(self, request: Any, name: str) -> Response:
        found = queries.variables(self.actor).filter(name=name).first()
        if found is None:
            raise Http404("There is no such variable in this workspace.")
        services.delete_variable(self.actor, found)
        return Response(status=204)


def _values(value: Any, kind: str) -> dict[str, str]:
    """The fields of a credential as texts, as forms give them; those of other types are refused."""
    known = [field.name for field in FIELDS.get(kind, ())]
    other = [name for name in value if name not in known] if isinstance(value, dict) else []
    if other and known:
        shown = f"values.{other[0][:60]}"
        raise refuse(422, "unknown_field", f"A '{kind}' has: {', '.join(known)}.", shown)
    if isinstance(value, dict) and all(
        one is None or (isinstance(one, str | int) and not isinstance(one, bool))
        for one in value.values()
    ):
        return {name: "" if one is None else str(one) for name, one in value.items()}
    raise refuse(422, "type", "'values' has to be an object of texts.", "values")


def credential_payload(credential: Credential) -> dict[str, Any]:
    """A credential as the API shows it."""
    return {
        "id": str(credential.id),
        "name": credential.name,
        "type": credential.type,
        "settings": credential.settings,
        "secrets": [field.name for field in FIELDS[credential.type] if field.secret],
        "max_concurrent": credential.max_concurrent,
        "requests_per_minute": credential.requests_per_minute,
        "created_at": credential.created_at,
        "updated_at": credential.updated_at,
        "last_used_at": credential.last_used_at,
    }
