"""While operators maintain the installation: 503 with a sentence for whatever would begin anew.

Sign-in and the operators' console stay open, and what says whether the installation is well; runs
and open streams go on.
"""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import get_template
from django.utils.decorators import sync_and_async_middleware

from accounts.api.problems import under_maintenance
from accounts.operators.maintenance import Notice, UnderMaintenance, is_known, notice
from fluxprompt.api.problems import problem_response

#: Open all the while.
OPEN = ("/healthz", "/readyz", "/admin/", "/accounts/", "/static/", "/temporal-codec/")
#: Of those: nobody new comes in.
SHUT = ("/accounts/signup/", "/accounts/3rdparty/signup/")


@sync_and_async_middleware
def maintenance(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Answers in the place of the site while nothing new is taken."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            if _is_open(request.path_info):
                return await get_response(request)
            told = notice() if is_known() else await sync_to_async(notice)()
            if told is None:
                return await get_response(request)
            return refusal(request, told)

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        if _is_open(request.path_info) or (told := notice()) is None:
            return get_response(request)
        return refusal(request, told)

    return at_once


def _is_open(path: str) -> bool:
    return path.startswith(OPEN) and not path.startswith(SHUT)


def refusal(request: HttpRequest, told: Notice) -> HttpResponse:
    """A problem for programs and scripts, else a page; it asks the database for nothing."""
    if _wants_json(request):
        response = problem_response(under_maintenance(UnderMaintenance(told)))
    else:
        content = get_template("maintenance.html").render({"notice": told})
        response = HttpResponse(content, status=503)
    response["Retry-After"] = str(told.retry_after)
    response["Cache-Control"] = "no-store"
    # Expected, so no line in the log for each.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _wants_json(request: HttpRequest) -> bool:
    if request.path_info.startswith(("/api/", "/hooks/")):
        return True
    return request.method != "GET" and "json" in (request.content_type or "")
