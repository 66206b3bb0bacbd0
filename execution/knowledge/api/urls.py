"""REST addresses of knowledge, below /api/v1/."""

from django.urls import URLPattern, path

from execution.knowledge.api import document_views, views

urlpatterns: list[URLPattern] = [
    path("collections", views.CollectionsView.as_view(), name="api-collections"),
    path(
        "collections/<slug:collection>",
        views.OneCollectionView.as_view(),
        name="api-collection",
    ),
    path(
        "collections/<slug:collection>/search",
        views.SearchView.as_view(),
        name="api-collection-search",
    ),
    path(
        "collections/<slug:collection>/reindex",
        views.ReindexView.as_view(),
        name="api-collection-reindex",
    ),
    path(
        "collections/<slug:collection>/documents",
        document_views.DocumentsView.as_view(),
        name="api-documents",
    ),
    path(
        "collections/<slug:collection>/documents/<uuid:document>",
        document_views.OneDocumentView.as_view(),
        name="api-document",
    ),
]
