"""Errors as RFC 9457 problem details: one shape for everything the API can answer in trouble."""

import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from accounts.permissions import PermissionRefused

log = logging.getLogger("fluxprompt.api")

MEDIA_TYPE = "application/problem+json"
#: Seconds after which a client may ask again while the database is away.
RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True)
class ApiProblem:
    """A problem document. `errors` are `{path, code, message}`; `extra` adds members to it."""

    status: int
    code: str
    detail: str
    errors: Sequence[Mapping[str, Any]] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "type": f"urn:fluxprompt:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "errors": [dict(error) for error in self.errors],
            **self.extra,
        }


class RequestRefused(Exception):
    """Raised by a view or parser that knows its problem."""

    def __init__(self, problem: ApiProblem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def refuse(status: int, code: str, message: str, path: str | None = None) -> RequestRefused:
    """A refusal with one error; `path` names the field or parameter at fault."""
    errors = [{"path": path, "code": code, "message": message}] if path is not None else []
    return RequestRefused(ApiProblem(status, code, message, errors))


type Converter = Callable[[Any], ApiProblem]
_converters: dict[type[Exception], Converter] = {}


def converts(*classes: type[Exception]) -> Callable[[Converter], Converter]:
    """Registers a function that makes a problem of an app's own exceptions."""

    def register(converter: Converter) -> Converter:
        for cls in classes:
            _converters[cls] = converter
        return converter

    return register


@converts(RequestRefused)
def _refused(error: RequestRefused) -> ApiProblem:
    return error.problem


@converts(PermissionRefused)
def _permission(error: PermissionRefused) -> ApiProblem:
    return ApiProblem(403, error.code, error.message, extra={"action": error.action})


@converts(RequestDataTooBig)
def _too_big(error: RequestDataTooBig) -> ApiProblem:
    return body_too_large()


@converts(Http404)
def _missing(error: Http404) -> ApiProblem:
    return ApiProblem(404, "not_found", str(error) or "There is nothing at this address.")


@converts(PermissionDenied)
def _denied(error: PermissionDenied) -> ApiProblem:
    return ApiProblem(403, "permission_refused", str(error) or "This is not allowed.")


@converts(SuspiciousOperation)
def _suspicious(error: SuspiciousOperation) -> ApiProblem:
    return ApiProblem(400, "bad_request", "The request cannot be understood.")


@converts(OperationalError, InterfaceError)
def _database_down(error: DatabaseError) -> ApiProblem:
    log.error("the database cannot be reached: %s", error)
    return ApiProblem(
        503,
        "database_unavailable",
        "The database cannot be reached at the moment. Try again shortly.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


@converts(exceptions.APIException)
def _framework(error: exceptions.APIException) -> ApiProblem:
    headers = dict(getattr(error, "headers", {}))
    if (challenge := getattr(error, "auth_header", None)) is not None:
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(error, "wait", None)) is not None:
        headers.setdefault("Retry-After", str(int(wait) + 1))
    details = error.get_full_details()
    errors = list(_flat(details)) if isinstance(error, exceptions.ValidationError) else []
    return ApiProblem(error.status_code, _code_of(error), _sentence(error), errors, headers=headers)


def _code_of(error: exceptions.APIException) -> str:
    code = error.get_codes()
    return code if isinstance(code, str) else error.default_code


def _sentence(error: exceptions.APIException) -> str:
    if isinstance(error.detail, str):
        return str(error.detail)
    return "; ".join(item["message"] for item in _flat(error.get_full_details()))


def _flat(details: Any, path: str = "") -> list[dict[str, Any]]:
    """DRF's nested error details as a list of `{path, code, message}`."""
    if isinstance(details, dict) and isinstance(details.get("message"), str):
        return [{"path": path, "code": details["code"], "message": str(details["message"])}]
    parts = details.items() if isinstance(details, dict) else enumerate(details)
    return [item for key, value in parts for item in _flat(value, f"{path}.{key}".lstrip("."))]


def body_too_large(limit: int | None = None) -> ApiProblem:
    """`limit`: bytes, where another one than that of most bodies holds."""
    from django.conf import settings

    limit = limit or settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return ApiProblem(
        413,
        "body_too_large",
        f"A request body may have {limit:,} bytes at most.",
        extra={"limit": limit},
    )


def problem_for(error: Exception) -> ApiProblem:
    """The problem document of any exception; what nobody knows is a 500 with an id in the log."""
    for cls in type(error).__mro__:
        if converter := _converters.get(cls):
            return converter(error)
    incident = uuid.uuid4().hex[:12]
    log.error("incident %s: unhandled error in the API", incident, exc_info=error)
    return ApiProblem(
        500,
        "internal_error",
        f"Something went wrong on our side. Tell an operator the id {incident}; it is in the log.",
        extra={"incident": incident},
    )


def problem_handler(error: Exception, context: Mapping[str, Any] | None) -> Response:
    """The EXCEPTION_HANDLER of the REST framework."""
    # The framework's views read our parsers from the settings, which read this module.
    from rest_framework.views import set_rollback

    set_rollback()
    problem = problem_for(error)
    response = Response(problem.as_dict(), status=problem.status, headers=dict(problem.headers))
    # The framework's renderer would name it application/json.
    response.content_type = MEDIA_TYPE
    return response


def problem_response(problem: ApiProblem) -> HttpResponse:
    """The same outside the REST framework (middleware, unknown addresses)."""
    return HttpResponse(
        json.dumps(problem.as_dict()),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers=dict(problem.headers),
    )
