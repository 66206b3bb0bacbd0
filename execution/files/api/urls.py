"""REST addresses of files, below /api/v1/."""

from django.urls import URLPattern, path

from execution.files.api import problems as _problems  # noqa: F401  (registers its exceptions)
from execution.files.api import views

urlpatterns: list[URLPattern] = [
    path("files", views.FilesView.as_view(), name="api-files"),
    path("files/<uuid:file>", views.OneFileView.as_view(), name="api-file"),
    path("files/<uuid:file>/content", views.ContentView.as_view(), name="api-file-content"),
]
