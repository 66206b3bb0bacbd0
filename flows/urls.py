"""Pages of the flows app; those that show runs too are in execution.urls."""

from django.urls import URLPattern, path, register_converter

from flows.views import actions, importing


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
    path("flows/import/", actions.import_file, name="flow-import"),
    path("flows/import/preview/", importing.preview, name="flow-import-preview"),
    path("flows/import/create/", importing.create_imported, name="flow-import-create"),
    path("flows/<uuid:flow_id>/publish/", actions.publish, name="flow-publish"),
    path("flows/<uuid:flow_id>/rename/", actions.rename, name="flow-rename"),
    path("flows/<uuid:flow_id>/delete/", actions.delete, name="flow-delete"),
    path(
        "flows/<uuid:flow_id>/versions/<int:number>/restore/", actions.restore, name="flow-restore"
    ),
    path("flows/<uuid:flow_id>/document.<kind:kind>", actions.download, name="flow-download"),
]
