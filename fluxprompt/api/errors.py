"""Errors that no view sees (bad hosts, broken middleware): problems below /api/, else pages."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views import defaults

from fluxprompt.api.problems import ApiProblem, problem_for, problem_response


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
    if _is_api(request):
        import sys

        return problem_response(problem_for(_current(sys.exc_info()[1])))
    return defaults.server_error(request)


def _current(error: BaseException | None) -> Exception:
    return error if isinstance(error, Exception) else RuntimeError("unknown error")
