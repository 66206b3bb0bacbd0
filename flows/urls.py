"""Pages of the flows app; those that show runs too are in execution.urls."""

from django.urls import URLPattern, path, register_converter

from flows.views import (
    actions,
    bulk,
    draft_changes,
    gallery,
    import_report,
    importing,
    ordering,
    paste,
    sharing,
    versions,
)


class DocumentKind:
    """`json` or `yaml` in an address."""

    regex = "json|yaml"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(DocumentKind, "kind")

urlpatterns: list[URLPattern] = [
    path("flows/new/", actions.create, name="flow-create"),
    path("flows/import/", importing.import_page, name="flow-import"),
    path("flows/bulk/", bulk.bulk, name="flow-bulk"),
    path("flows/order/", ordering.order_page, name="flow-order"),
    path("flows/folders/new/", ordering.folder_new, name="folder-new"),
    path("flows/folders/<uuid:folder_id>/rename/", ordering.folder_rename, name="folder-rename"),
    path("flows/folders/<uuid:folder_id>/delete/", ordering.folder_delete, name="folder-delete"),
    path("flows/tags/new/", ordering.tag_new, name="tag-new"),
    path("flows/tags/<uuid:tag_id>/change/", ordering.tag_change, name="tag-change"),
    path("flows/tags/<uuid:tag_id>/delete/", ordering.tag_delete, name="tag-delete"),
    path("flows/<uuid:flow_id>/name/", ordering.flow_name, name="flow-name"),
    path("flows/<uuid:flow_id>/duplicate/", ordering.duplicate, name="flow-duplicate"),
    path("flows/import/preview/", import_report.preview, name="flow-import-preview"),
    path("flows/import/create/", import_report.create_imported, name="flow-import-create"),
    path("flows/<uuid:flow_id>/publish/", actions.publish, name="flow-publish"),
    path("flows/<uuid:flow_id>/rename/", actions.rename, name="flow-rename"),
    path("flows/<uuid:flow_id>/delete/", actions.delete, name="flow-delete"),
    path(
        "flows/<uuid:flow_id>/versions/<int:number>/restore/", actions.restore, name="flow-restore"
    ),
    path("flows/<uuid:flow_id>/draft/", draft_changes.draft, name="flow-draft"),
    path("flows/<uuid:flow_id>/changes/", draft_changes.changes, name="flow-changes"),
    path("flows/<uuid:flow_id>/problems/", draft_changes.problems, name="flow-problems"),
    path("flows/<uuid:flow_id>/document.<kind:kind>", actions.download, name="flow-download"),
    path("flows/<uuid:flow_id>/sharing/", sharing.sharing, name="flow-sharing"),
    path("flows/<uuid:flow_id>/paste/", paste.paste, name="flow-paste"),
    path("flows/<uuid:flow_id>/versions/", versions.version_list, name="flow-versions"),
    path("flows/<uuid:flow_id>/versions/compare/", versions.compare, name="flow-compare"),
    path("flows/<uuid:flow_id>/versions/<int:number>/", versions.one_version, name="flow-version"),
    path("templates/", gallery.gallery, name="template-list"),
    path("templates/<slug:key>/", gallery.template_page, name="template-detail"),
]
