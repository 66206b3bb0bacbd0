"""REST addresses of the flows app, below /api/v1/."""

from django.urls import URLPattern, path

from flows.api import (
    document_views,
    import_views,
    organizing_views,
    version_views,
    views,
)
from flows.api import problems as _problems  # noqa: F401  (registers its exceptions)

urlpatterns: list[URLPattern] = [
    path("node-types", views.NodeTypesView.as_view(), name="api-node-types"),
    path("folders", organizing_views.FoldersView.as_view(), name="api-folders"),
    path("folders/<uuid:folder>", organizing_views.OneFolderView.as_view(), name="api-folder"),
    path("tags", organizing_views.TagsView.as_view(), name="api-tags"),
    path("tags/<uuid:tag>", organizing_views.OneTagView.as_view(), name="api-tag"),
    path("flows", views.FlowsView.as_view(), name="api-flows"),
    path("flows/validate", document_views.ValidateView.as_view(), name="api-flows-validate"),
    path("flows/import", import_views.ImportView.as_view(), name="api-flows-import"),
    path("flows/<slug:flow>", views.OneFlowView.as_view(), name="api-flow"),
    path(
        "flows/<slug:flow>/document",
        document_views.DocumentView.as_view(),
        name="api-flow-document",
    ),
    path("flows/<slug:flow>/publish", version_views.PublishView.as_view(), name="api-flow-publish"),
    path("flows/<slug:flow>/versions", version_views.VersionsView.as_view(), name="api-versions"),
    path(
        "flows/<slug:flow>/versions/diff",
        version_views.DiffView.as_view(),
        name="api-versions-diff",
    ),
    path(
        "flows/<slug:flow>/versions/<int:number>",
        version_views.OneVersionView.as_view(),
        name="api-version",
    ),
    path(
        "flows/<slug:flow>/versions/<int:number>/restore",
        version_views.RestoreView.as_view(),
        name="api-version-restore",
    ),
]
