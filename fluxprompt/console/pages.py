"""What the console's pages have in common: who may open and use them, and their frame."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.models import User
from accounts.operators.operating import Operator, operator_of
from accounts.permissions import PermissionRefused

type View = Callable[..., HttpResponse]


def operator_for(request: HttpRequest) -> Operator:
    """The signed-in operator, for services."""
    assert isinstance(request.user, User)
    return operator_of(request.user)


def console_page(sees: str, changes: str = "") -> Callable[[View], View]:
    """Rights (`app.action_model`) that a page asks for: to be seen, and for every POST to it."""

    def guard(view: View) -> View:
        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            operator = operator_for(request)
            try:
                if request.method not in ("GET", "HEAD"):
                    operator.require(changes or "nobody.may")
                operator.require(sees)
                return view(request, *args, **kwargs)
            except PermissionRefused as refused:
                raise PermissionDenied(refused.message) from refused

        return page

    return guard


def shown(
    request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """A page in the admin's frame."""
    frame = admin.site.each_context(request)
    request.current_app = admin.site.name  # type: ignore[attr-defined]
    return TemplateResponse(
        request,
        f"admin/console/{template}.html",
        {**frame, "title": title, **context},
        status=status,
    )
