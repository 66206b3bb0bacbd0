"""Pages of the accounts app."""

from django.urls import URLPattern, path

from accounts.views import (
    addresses,
    again,
    audit,
    keys,
    members,
    settings,
    workspaces,
    you,
    your_data,
)
from accounts.views.invitations import invitation_page
from accounts.views.setup import setup

urlpatterns: list[URLPattern] = [
    path("setup/<str:token>/", setup, name="setup"),
    path("invitations/<str:token>/", invitation_page, name="invitation"),
    path("workspaces/new/", workspaces.new_workspace, name="workspace-new"),
    path("you/", you.you, name="you"),
    path("you/again/", again.again, name="you-again"),
    # Before allauth's: one takes no address of another account, one asks who has no password.
    path("accounts/email/", addresses.AddressesPage.as_view(), name="account_email"),
    path("accounts/password/set/", again.set_password, name="account_set_password"),
    path("you/data/", your_data.export, name="you-export"),
    path("you/delete/", your_data.delete, name="you-delete"),
    path("you/name/", you.change_name, name="you-name"),
    path("you/sessions/end/", you.sign_out_elsewhere, name="you-sign-out-elsewhere"),
    path("settings/", settings.settings_page, name="settings"),
    path("settings/workspace/delete/", workspaces.delete_workspace, name="workspace-delete"),
    path("settings/workspace/transfer/", workspaces.transfer, name="workspace-transfer"),
    path("settings/members/", members.members_page, name="members"),
    path("settings/members/invite/", members.invite, name="member-invite"),
    path("settings/members/leave/", members.leave, name="member-leave"),
    path("settings/members/<int:member_id>/role/", members.change_role, name="member-role"),
    path("settings/members/<int:member_id>/remove/", members.remove_member, name="member-remove"),
    path(
        "settings/invitations/<uuid:invitation_id>/new-link/",
        members.renew_invitation,
        name="invitation-renew",
    ),
    path(
        "settings/invitations/<uuid:invitation_id>/revoke/",
        members.revoke_invitation,
        name="invitation-revoke",
    ),
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
