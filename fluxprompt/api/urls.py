"""The REST API's addresses."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

urlpatterns = [
    path("v1/", include("accounts.api.urls")),
    path("v1/", include("flows.api.urls")),
    path("v1/", include("execution.api.urls")),
    path("schema/", SpectacularAPIView.as_view(permission_classes=[], authentication_classes=[]), name="api-schema"),
]
