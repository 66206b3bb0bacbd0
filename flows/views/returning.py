"""Where a form's answer leads: back to the page it was on, never to another site."""

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from flows.views.page_request import PageRequest


def back(request: PageRequest, otherwise: str = "flow-list") -> HttpResponse:
    """To the address in the form's `next` where it is one of ours, else to the page `otherwise`."""
    wanted = request.POST.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    ):
        # Not `redirect`: it takes a text without a slash for the name of a route.
        return HttpResponseRedirect(wanted)
    return redirect(otherwise)
