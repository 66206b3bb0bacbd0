"""Pages of the accounts app."""

from django.urls import URLPattern, path

from accounts.views import audit, keys, settings
from accounts.views.setup import setup

urlpatterns: list[URLPattern] = [
    path("setup/<str:token>/", setup, name="setup"),
    path("settings/", settings.settings_page, name="settings"),
    path("settings/workspace/", settings.change_workspace, name="settings-workspace"),
    path("settings/switch/", settings.switch_workspace, name="settings-switch"),
    path("settings/credentials/", settings.add_credential, name="settings-credentials"),
    path(
        "settings/credentials/fields/",
        settings.credential_fields,
        name="settings-credential-fields",
    ),
    path(
        "settings/credentials/<uuid:credential_id>/delete/",
        settings.delete_credential,
        name="settings-credential-delete",
    ),
    path(
        "settings/credentials/<uuid:credential_id>/limits/",
        settings.limit_credential,
        name="settings-credential-limits",
    ),
    path("settings/keys/", settings.add_key, name="settings-keys"),
    path("settings/keys/<uuid:key_id>/", keys.key_page, name="settings-key"),
    path("settings/keys/<uuid:key_id>/revoke/", settings.revoke_key, name="settings-key-revoke"),
    path("settings/audit/", audit.audit_page, name="audit"),
    path("settings/audit/<slug:kind>/", audit.audit_export, name="audit-export"),
    path("settings/variables/", settings.set_variable, name="settings-variables"),
    path(
        "settings/variables/<int:variable_id>/delete/",
        settings.delete_variable,
        name="settings-variable-delete",
    ),
]
