"""Pages of knowledge."""

from django.urls import URLPattern, path

from execution.knowledge.views import collections, documents

_ONE = "knowledge/<uuid:collection_id>/"
_DOCUMENT = f"{_ONE}documents/<uuid:document_id>/"

urlpatterns: list[URLPattern] = [
    path("knowledge/", collections.collection_list, name="collection-list"),
    path(_ONE, collections.collection_page, name="collection-detail"),
    path(f"{_ONE}progress/", collections.collection_progress, name="collection-progress"),
    path(f"{_ONE}change/", collections.change_collection, name="collection-change"),
    path(f"{_ONE}reindex/", collections.reindex_collection, name="collection-reindex"),
    path(f"{_ONE}delete/", collections.delete_collection, name="collection-delete"),
    path(f"{_ONE}search/", documents.try_query, name="collection-search"),
    path(f"{_ONE}documents/", documents.add_documents, name="collection-add"),
    path(_DOCUMENT, documents.document_page, name="document-detail"),
    path(f"{_DOCUMENT}delete/", documents.delete_document, name="document-delete"),
]
