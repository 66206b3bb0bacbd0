"""Where people download files."""

from django.urls import URLPattern, path

from execution.files import views

urlpatterns: list[URLPattern] = [
    path("files/<uuid:file_id>/", views.file_download, name="file-download"),
]
