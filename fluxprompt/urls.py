"""Every address of the site: pages, the REST API, health, operators."""

from allauth.urls import urlpatterns as allauth_patterns
from django.contrib import admin
from django.urls import URLResolver, include, path

#: Without allauth's nameless addresses of former releases, which nobody here ever had.
_ACCOUNTS = [entry for entry in allauth_patterns if isinstance(entry, URLResolver) or entry.name]

urlpatterns = [
    path("", include("fluxprompt.health_urls")),
    path("", include("accounts.urls")),
    path("", include("flows.urls")),
    path("", include("execution.urls")),
    path("", include("execution.files.urls")),
    path("", include("execution.knowledge.urls")),
    path("accounts/", include(_ACCOUNTS)),
    path("admin/", admin.site.urls),
    path("api/", include("fluxprompt.api.urls")),
]

handler400 = "fluxprompt.api.errors.bad_request"
handler404 = "fluxprompt.api.errors.not_found"
handler500 = "fluxprompt.api.errors.server_error"
