"""The operators' admin: sign-in by allauth, and a content security policy of its own."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.csp import CSP
from django.utils.decorators import method_decorator
from django.views.decorators.csp import csp_override
from unfold.sites import UnfoldAdminSite

#: unfold draws with Alpine, which evaluates expressions and sets inline styles.
POLICY: dict[str, Any] = {
    **settings.SECURE_CSP,
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
}


class OperatorSite(UnfoldAdminSite):
    """Only for `is_staff`. The site's own strict policy stays in force everywhere else."""

    def admin_view(
        self, view: Callable[..., HttpResponseBase], cacheable: bool = False
    ) -> Callable[..., HttpResponseBase]:
        # Imported when asked for: the site is made before the apps are there.
        from accounts.authentication.second_factors import NEEDS_FACTOR, lacks_factor

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if lacks_factor(request):
                messages.warning(request, NEEDS_FACTOR)
                return redirect("mfa_index")
            return view(request, *args, **kwargs)

        wrapped: Callable[..., HttpResponseBase] = csp_override(POLICY)(
            super().admin_view(guarded, cacheable)
        )
        return wrapped

    def get_urls(self) -> list[Any]:
        # Imported when asked for: the pages need the apps, and those are loaded after the site.
        from fluxprompt.console.urls import console_urls

        return [*console_urls(self.admin_view), *super().get_urls()]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        from fluxprompt.console.home import home

        return super().index(request, {**(extra_context or {}), **home(request), "title": "Home"})

    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """By the site's own sign-in page: with its limits and second factors."""
        answer: HttpResponseBase = secure_admin_login(super().login)(request, extra_context)
        return answer
