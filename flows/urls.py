"""Pages of the flows app; those that show runs too are in execution.urls."""

from django.urls import URLPattern, path, register_converter

from flows.views import actions, draft_changes, paste


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
    path("flows/<uuid:flow_id>/paste/", paste.paste, name="flow-paste"),
]
