"""The REST API's addresses."""

from django.urls import include, path, re_path

from fluxprompt.api.openapi import DocsView, SchemaView
from fluxprompt.api.views import unknown_address

urlpatterns = [
    path("v1/", include("accounts.api.urls")),
    path("v1/", include("flows.api.urls")),
    path("v1/", include("execution.api.urls")),
    path("v1/", include("execution.files.api.urls")),
    path("v1/", include("execution.knowledge.api.urls")),
    path("schema/", SchemaView.as_view(), name="api-schema"),
    path("docs/", DocsView.as_view(), name="api-docs"),
    re_path("", unknown_address, name="api-unknown"),
]
