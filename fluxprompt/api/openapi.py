"""The OpenAPI 3.1 document: shared components, the errors of every call, and a page to try it."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.generic import TemplateView
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from fluxprompt.api.negotiation import prefers_yaml
from fluxprompt.api.problems import MEDIA_TYPE

type Schema = dict[str, Any]

_PROBLEM: Schema = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail", "errors"],
    "properties": {
        "type": {"type": "string", "description": "`urn:fluxprompt:problem:<code>`"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; for programs."},
        "detail": {"type": "string", "description": "What happened and what to do, for people."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "code", "message"],
                "properties": {
                    "path": {"type": ["string", "null"], "description": "Field or parameter."},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
    "examples": [
        {
            "type": "urn:fluxprompt:problem:inputs_invalid",
            "title": "Unprocessable Entity",
            "status": 422,
            "code": "inputs_invalid",
            "detail": "The inputs do not fit this flow.",
            "errors": [
                {"path": "inputs.subject", "code": "required", "message": "'subject' is missing."}
            ],
        }
    ],
}
_ANSWERS = {
    "400": "The request cannot be read",
    "401": "No valid API key",
    "403": "The key may not do this",
    "404": "There is no such object in this workspace",
    "413": "The body is too large",
    "415": "The body is of an unknown type",
    "422": "The body was read, but it cannot be used",
    "429": "The key has made all its calls of this minute; try again after `Retry-After` seconds",
    "503": "The database cannot be reached; try again after `Retry-After` seconds",
}
_components: dict[str, Schema] = {"Problem": _PROBLEM}


PROBLEM: Schema = {"$ref": "#/components/schemas/Problem"}


def component(name: str, schema: Schema) -> Schema:
    """Registers a schema under a name; returns the reference to it."""
    _components[name] = schema
    return {"$ref": f"#/components/schemas/{name}"}


def page_of(reference: Schema) -> Schema:
    """The schema of a list by cursor."""
    return {
        "type": "object",
        "required": ["results", "next"],
        "properties": {
            "results": {"type": "array", "items": reference},
            "next": {
                "type": ["string", "null"],
                "description": "Send it as `cursor` for the next page; null at the end.",
            },
        },
    }


def parameter(
    name: str, description: str, *, header: bool = False, schema: Schema | None = None
) -> OpenApiParameter:
    """A query parameter or header."""
    where: Literal["header", "query"] = "header" if header else "query"
    return OpenApiParameter(name, schema or {"type": "string"}, where, description=description)


PAGING = (
    parameter("cursor", "`next` of the page before."),
    parameter(
        "limit",
        "Results on a page.",
        schema={"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
    ),
)


def call(
    operation_id: str,
    summary: str,
    answers: Mapping[int, tuple[str, Schema | None, Any]],
    *,
    description: str = "",
    body: Schema | None = None,
    body_example: Any = None,
    bodies: Mapping[str, Schema] | None = None,
    answer_types: Sequence[str] = ("application/json",),
    parameters: Sequence[OpenApiParameter] = (),
    tag: str = "",
) -> Callable[[Any], Any]:
    """Describes one call. `answers`: status → (description, schema, example).

    `body` is the schema of a JSON body; `bodies` gives one per media type instead.
    """
    requests = bodies or ({"application/json": body} if body else None)
    examples = []
    if body_example is not None:
        examples.append(OpenApiExample("Request", value=body_example, request_only=True))
    responses: dict[Any, Any] = {}
    for status, (text, schema, example) in answers.items():
        shown = [OpenApiExample("Response", value=example)] if example is not None else []
        types = answer_types if status < 400 else (MEDIA_TYPE,)
        key = (status, *types) if schema else status
        responses[key] = OpenApiResponse(schema, description=text, examples=shown)
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=description,
        request=requests,
        responses=responses,
        examples=examples,
        parameters=list(parameters),
        tags=[tag] if tag else None,
    )


def complete(result: Schema, **_: Any) -> Schema:
    """A post-processing hook: named schemas, and what every call can answer in trouble."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).update(_components)
    components["responses"] = {
        f"Problem{status}": {
            "description": text,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, text in _ANSWERS.items()
    }
    for path, calls in result["paths"].items():
        for method, operation in calls.items():
            for status in _possible(path, method):
                operation["responses"].setdefault(
                    status, {"$ref": f"#/components/responses/Problem{status}"}
                )
    return result


def _possible(path: str, method: str) -> list[str]:
    statuses = ["400", "401", "403", "429", "503"]
    if "{" in path:
        statuses.append("404")
    if method in ("post", "put", "patch"):
        statuses += ["413", "415", "422"]
    return statuses


@lru_cache(maxsize=1)
def document() -> Schema:
    """The OpenAPI document; made once a process."""
    from fluxprompt.api import urls

    generator = SchemaGenerator(urlconf=None, patterns=None)  # type: ignore[no-untyped-call]
    assert urls.urlpatterns
    made: Schema = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


@lru_cache(maxsize=2)
def rendered(kind: str) -> bytes:
    """The document as `json` or `yaml`."""
    if kind == "yaml":
        made: bytes = OpenApiYamlRenderer().render(document())  # type: ignore[no-untyped-call]
        return made
    return json.dumps(document(), default=str).encode()


@method_decorator(login_not_required, name="dispatch")
class SchemaView(View):
    """The OpenAPI document: JSON, or YAML with `?format=yaml` or by `Accept`."""

    def get(self, request: HttpRequest) -> HttpResponse:
        asked = request.GET.get("format", "")
        if asked == "yaml" or (not asked and prefers_yaml(request)):
            return HttpResponse(rendered("yaml"), content_type="application/vnd.oai.openapi")
        return HttpResponse(
            rendered("json"), content_type="application/vnd.oai.openapi+json; charset=utf-8"
        )


@method_decorator(login_not_required, name="dispatch")
class DocsView(TemplateView):
    """A page to read and try the API; all of its scripts are our own files."""

    template_name = "api/docs.html"
