"""What every view of the REST API does the same way, and the answer to unknown addresses."""

from typing import Any, cast

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import Actor
from flows.storable import bad_text
from fluxprompt.api.negotiation import prefers_yaml
from fluxprompt.api.paging import DEFAULT_LIMIT, MAX_LIMIT, CursorInvalid
from fluxprompt.api.parsing import DOCUMENT_PARSERS, YamlText
from fluxprompt.api.problems import ApiProblem, converts, problem_response, refuse


@converts(CursorInvalid)
def _cursor(error: CursorInvalid) -> ApiProblem:
    return ApiProblem(
        400,
        error.code,
        str(error),
        [{"path": "cursor", "code": error.code, "message": str(error)}],
    )


class ApiView(APIView):
    """A view with an actor, bodies of unannounced length, and checked query parameters."""

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        if not request.META.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" in request.META:
            # A chunked body announces no length, and the framework would take it for empty.
            request.META["CONTENT_LENGTH"] = str(len(request.body))
        return super().initialize_request(request, *args, **kwargs)

    #: Whether a flow may also be sent as YAML.
    takes_yaml = False

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        # Not `request.auth`: where authentication was not come to, that would begin it here.
        if (rate := getattr(vars(request).get("_auth"), "rate", None)) is not None:
            for name, value in rate.headers.items():
                response.headers[name] = value
        # Views also give Django's own responses, streams among them.
        if isinstance(response, Response):
            response.add_post_render_callback(_untie)
        return response

    def get_parsers(self) -> list[BaseParser]:
        kinds = DOCUMENT_PARSERS if self.takes_yaml else DOCUMENT_PARSERS[:1]
        return [kind() for kind in kinds]

    @property
    def actor(self) -> Actor:
        return cast(Actor, self.request.user)

    def object_body(self, *known: str) -> dict[str, Any]:
        """The JSON object of the body (an empty body is `{}`); unknown members are refused."""
        body = self.request.data
        if isinstance(body, YamlText):
            raise refuse(415, "unsupported_media_type", "Send this body as application/json.")
        if not isinstance(body, dict):
            raise refuse(422, "type", "The body has to be a JSON object.", "")
        for name in body:
            if name not in known:
                shown = name[:60]
                raise refuse(
                    422,
                    "unknown_field",
                    f"'{shown}' is not a field of this call. It takes: {', '.join(known)}.",
                    shown,
                )
        return dict(body)

    def query(self, name: str) -> str:
        """A query parameter that PostgreSQL can be asked about; empty where absent."""
        value = str(self.request.query_params.get(name, ""))
        if reason := bad_text(value):
            raise refuse(400, "bad_parameter", f"The parameter {reason}.", name)
        return value

    def whole_number(self, name: str, *, default: int, least: int, most: int) -> int:
        """A query parameter that is a whole number within bounds."""
        given = self.query(name)
        if not given:
            return default
        if given.isascii() and given.isdigit() and len(given) < 12 and least <= int(given) <= most:
            return int(given)
        raise refuse(
            400, "bad_parameter", f"'{name}' has to be a whole number from {least} to {most}.", name
        )

    @property
    def wants_yaml(self) -> bool:
        """Whether a document is asked for as YAML: by `?format=`, else by `Accept`."""
        asked = self.query("format")
        if asked not in ("", "json", "yaml"):
            raise refuse(400, "bad_parameter", "'format' has to be json or yaml.", "format")
        return asked == "yaml" or (not asked and prefers_yaml(self.request))

    @property
    def limit(self) -> int:
        return self.whole_number("limit", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT)


def text_field(body: dict[str, Any], name: str, *, most: int, required: bool = False) -> str | None:
    """A text member of a body, stripped; None where it is absent or null."""
    value = body.get(name)
    if value is None:
        if required:
            raise refuse(422, "required", f"'{name}' is missing.", name)
        return None
    if not isinstance(value, str):
        raise refuse(422, "type", f"'{name}' has to be text.", name)
    value = value.strip()
    if required and not value:
        raise refuse(422, "required", f"'{name}' is empty.", name)
    if len(value) > most:
        raise refuse(422, "too_long", f"'{name}' may have {most} characters at most.", name)
    return value


def _untie(response: Response) -> None:
    """Let go of one another once the answer is made.

    The framework's request, view and response refer to each other: a body of 10 MB and what was
    read of it would stay until the garbage collector comes by.
    """
    context = vars(response)["renderer_context"]
    context["request"].parser_context.clear()
    # Django makes this the bound `get`, which holds the view.
    vars(context["view"]).pop("head", None)
    context.clear()


@login_not_required
@csrf_exempt
def unknown_address(request: HttpRequest) -> HttpResponse:
    """Everything below /api/ that is no address of ours."""
    return problem_response(
        ApiProblem(
            404,
            "not_found",
            f"There is nothing at {request.path[:200]}. The addresses are listed at /api/docs/.",
        )
    )
