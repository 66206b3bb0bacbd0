"""Errors that no view sees (bad hosts, broken middleware): problems below /api/, else pages."""

import sys
from typing import Any

import psycopg
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import get_template
from django.views import defaults

from fluxprompt.api.problems import (
    RETRY_AFTER_SECONDS,
    ApiProblem,
    problem_for,
    problem_response,
)

#: A pool without a connection to give is among them. (As in `execution.database`.)
DATABASE_AWAY = (OperationalError, InterfaceError, psycopg.OperationalError)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if _is_api(request):
        return problem_response(problem_for(exception))
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if _is_api(request):
        # What the resolver says names every pattern it tried: not for outside.
        return problem_response(ApiProblem(404, "not_found", "There is nothing at this address."))
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest, *args: Any) -> HttpResponseBase:
    error = sys.exc_info()[1]
    if _is_api(request):
        return problem_response(problem_for(_current(error)))
    if isinstance(error, DATABASE_AWAY):
        return _database_away()
    return defaults.server_error(request)


def _database_away() -> HttpResponse:
    """A page that asks the database for nothing itself: no request, so no session and no user."""
    return HttpResponse(
        get_template("503.html").render(),
        status=503,
        headers={"Retry-After": str(RETRY_AFTER_SECONDS), "Cache-Control": "no-store"},
    )


def _current(error: BaseException | None) -> Exception:
    return error if isinstance(error, Exception) else RuntimeError("unknown error")
