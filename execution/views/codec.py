"""The codec endpoint by which the Temporal UI shows operators what Temporal stores encrypted."""

import json
from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from accounts.authentication.second_factors import NEEDS_FACTOR, lacks_factor
from accounts.limits import counts_failures
from accounts.operators.operating import operator_of
from accounts.operators.support import RUN_DATA
from execution.codec import PayloadUnreadable, decode_payloads
from execution.run_values import record_decoding


def _ui_origin() -> str:
    parts = urlsplit(settings.TEMPORAL_UI_URL)
    return f"{parts.scheme}://{parts.netloc}"


def _for_the_ui(view: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponseBase]:
    """Only the Temporal UI's origin may call with the operator's cookies.

    A foreign form or script would come with another Origin, or none: the check stands in for
    Django's CSRF token, which the Temporal UI cannot know.
    """

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponseBase:
        if request.headers.get("Origin") != _ui_origin():
            return _refused("Only the Temporal UI (TEMPORAL_UI_URL) may ask here.")
        answer = HttpResponse(status=204) if request.method == "OPTIONS" else view(request)
        answer["Access-Control-Allow-Origin"] = _ui_origin()
        answer["Access-Control-Allow-Credentials"] = "true"
        answer["Access-Control-Allow-Methods"] = "POST, OPTIONS"
        answer["Access-Control-Allow-Headers"] = "content-type, x-namespace, authorization"
        answer["Vary"] = "Origin"
        return answer

    return login_not_required(csrf_exempt(never_cache(counted(guarded))))


counted = counts_failures("codec", 403)


def _refused(message: str, status: int = 403) -> JsonResponse:
    return JsonResponse({"message": message}, status=status)


@_for_the_ui
def decode(request: HttpRequest) -> HttpResponse:
    """POST `{"payloads": […]}` in Temporal's JSON → the same, decrypted. Operators only."""
    if request.method != "POST":
        return _refused("Send payloads with POST.", 405)
    user = request.user
    if not (user.is_authenticated and user.is_staff and user.has_perm(RUN_DATA)):
        return _refused("Sign in to FluxPrompt as an operator first, then reload.")
    if lacks_factor(request):
        return _refused(NEEDS_FACTOR)
    try:
        payloads = json.loads(request.body)["payloads"]
        decoded = decode_payloads(payloads)
    except (ValueError, KeyError, TypeError, AttributeError):
        return _refused('Send {"payloads": […]} as Temporal\'s codec servers take them.', 400)
    except PayloadUnreadable as error:
        return _refused(str(error), 422)
    record_decoding(operator_of(user), user)
    return JsonResponse({"payloads": decoded})


@_for_the_ui
def encode(request: HttpRequest) -> HttpResponse:
    """Refused: what goes into a workflow comes from the worker and the API only."""
    return _refused("Payloads are encoded by FluxPrompt itself only.")
