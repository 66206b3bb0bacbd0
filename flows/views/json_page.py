"""Addresses that only scripts of our pages call: they answer with JSON, in trouble as well."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase

import flows.api.problems  # noqa: F401 - what the exceptions of this app look like
from accounts.web import actor_for, workspace_for
from fluxprompt.api.problems import ApiProblem, problem_for, problem_response


def json_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A call of a signed-in member; sets `request.workspace` and `request.actor`.

    Whatever is wrong is a problem document (RFC 9457), where pages would show or go elsewhere.
    """

    # It tells the signed out in JSON by itself.
    @login_not_required
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            message = "You are signed out. Sign in again; what you changed is kept here."
            return problem_response(ApiProblem(401, "signed_out", message))
        try:
            request.workspace = workspace_for(request)  # type: ignore[attr-defined]
            request.actor = actor_for(request)  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)
        except Exception as error:
            return problem_response(problem_for(error))

    return answer
