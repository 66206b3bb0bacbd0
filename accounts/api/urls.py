"""REST addresses of the accounts app, below /api/v1/."""

from django.urls import URLPattern, path

from accounts.api import audit_views, credential_views, key_views, member_views
from accounts.api import problems as _problems  # noqa: F401  (registers its exceptions)
from accounts.api import schema as _schema  # noqa: F401  (registers itself for the document)
from accounts.api.views import MeView

urlpatterns: list[URLPattern] = [
    path("me", MeView.as_view(), name="api-me"),
    path("keys", key_views.KeysView.as_view(), name="api-keys"),
    path("keys/<uuid:key>", key_views.OneKeyView.as_view(), name="api-key"),
    path("credentials", credential_views.CredentialsView.as_view(), name="api-credentials"),
    path(
        "credentials/<uuid:credential>",
        credential_views.OneCredentialView.as_view(),
        name="api-credential",
    ),
    path("variables", credential_views.VariablesView.as_view(), name="api-variables"),
    path("variables/<slug:name>", credential_views.OneVariableView.as_view(), name="api-variable"),
    path("members", member_views.MembersView.as_view(), name="api-members"),
    path("members/<int:member>", member_views.OneMemberView.as_view(), name="api-member"),
    path("invitations", member_views.InvitationsView.as_view(), name="api-invitations"),
    path(
        "invitations/<uuid:invitation>",
        member_views.OneInvitationView.as_view(),
        name="api-invitation",
    ),
    path("audit", audit_views.AuditView.as_view(), name="api-audit"),
]
