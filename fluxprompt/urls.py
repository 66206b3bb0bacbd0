"""Every address of the site: pages, the REST API, health, operators."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("fluxprompt.health_urls")),
    path("", include("accounts.urls")),
    path("", include("flows.urls")),
    path("", include("execution.urls")),
    path("", include("execution.files.urls")),
    path("", include("execution.knowledge.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("fluxprompt.api.urls")),
]

handler400 = "fluxprompt.api.errors.bad_request"
handler404 = "fluxprompt.api.errors.not_found"
handler500 = "fluxprompt.api.errors.server_error"
