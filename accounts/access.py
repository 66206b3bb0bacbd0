"""The one table of who may open what: every address of the site, by its route's name.

A row is one line: `"name": "METHOD need, METHOD need"`. A need is an action of
`accounts.permissions`, or one of the words below. `tests/test_access_matrix.py` asks every row
as everybody, and fails for an address that has no row: nothing is open by being forgotten.
"""

#: Everyone, signed in or not.
PUBLIC = "public"
#: Who has signed in, as themselves: no workspace is asked.
SIGNED_IN = "signed-in"
#: Operators (`is_staff`).
OPERATOR = "operator"

_BY_FORM = f"GET {PUBLIC}, POST {PUBLIC}"
_OWN_PAGE = f"GET {SIGNED_IN}, POST {SIGNED_IN}"

#: The addresses that nobody has to sign in for. Each says in itself what protects it.
PUBLIC_PAGES = {
    "healthz": f"GET {PUBLIC}",
    "readyz": f"GET {PUBLIC}",
    # Whoever holds the token of the link, while there is no user.
    "setup": _BY_FORM,
    # Whoever holds the token that a mail carried.
    "approval-link": _BY_FORM,
    "invitation": _BY_FORM,
    "account_login": _BY_FORM,
    "account_logout": _BY_FORM,
    "account_inactive": f"GET {PUBLIC}",
    # Closed unless FLUX_SIGNUP says otherwise.
    "account_signup": _BY_FORM,
    "account_email_verification_sent": f"GET {PUBLIC}",
    "account_confirm_email": _BY_FORM,
    "account_reset_password": _BY_FORM,
    "account_reset_password_done": f"GET {PUBLIC}",
    "account_reset_password_from_key": _BY_FORM,
    "account_reset_password_from_key_done": f"GET {PUBLIC}",
    # The second half of signing in: of no use without the first.
    "account_confirm_login_code": _BY_FORM,
    "mfa_authenticate": _BY_FORM,
    # Whoever has the passkey; limited by allauth.
    "mfa_login_webauthn": _BY_FORM,
    # To another site and back, bound to the browser by a state; limited (accounts/limits.py).
    "github_login": _BY_FORM,
    "github_callback": f"GET {PUBLIC}",
    "oidc_login": _BY_FORM,
    "oidc_callback": f"GET {PUBLIC}",
    "socialaccount_login_cancelled": f"GET {PUBLIC}",
    # Of no use without what a provider said in this session.
    "socialaccount_signup": _BY_FORM,
    "api-schema": f"GET {PUBLIC}",
    "api-docs": f"GET {PUBLIC}",
    "api-unknown": f"GET {PUBLIC}",
}

#: A person's own account.
OWN_PAGES = {
    "account_reauthenticate": _OWN_PAGE,
    "account_email": _OWN_PAGE,
    "account_change_password": _OWN_PAGE,
    "account_set_password": _OWN_PAGE,
    "mfa_index": f"GET {SIGNED_IN}",
    "mfa_reauthenticate": _OWN_PAGE,
    "mfa_activate_totp": _OWN_PAGE,
    "mfa_deactivate_totp": _OWN_PAGE,
    "mfa_view_recovery_codes": f"GET {SIGNED_IN}",
    "mfa_generate_recovery_codes": _OWN_PAGE,
    "mfa_download_recovery_codes": f"GET {SIGNED_IN}",
    "mfa_list_webauthn": f"GET {SIGNED_IN}",
    "mfa_add_webauthn": _OWN_PAGE,
    "mfa_edit_webauthn": _OWN_PAGE,
    "mfa_remove_webauthn": _OWN_PAGE,
    "mfa_reauthenticate_webauthn": _OWN_PAGE,
    "socialaccount_connections": _OWN_PAGE,
    # allauth's own; failures of signing in are told where they happen.
    "socialaccount_login_error": f"GET {SIGNED_IN}",
    "usersessions_list": _OWN_PAGE,
    "you": f"GET {SIGNED_IN}",
    "you-again": f"GET {SIGNED_IN}",
    "you-name": f"POST {SIGNED_IN}",
    "you-export": f"POST {SIGNED_IN}",
    # The password is asked once more.
    "you-delete": _OWN_PAGE,
    "you-sign-out-elsewhere": f"POST {SIGNED_IN}",
    "settings-switch": f"POST {SIGNED_IN}",
    "workspace-new": _OWN_PAGE,
}

OPERATOR_PAGES = {
    # All of the operators' console; what each operator may do there is Django's permissions.
    "admin:*": f"GET {OPERATOR}",
    "temporal-codec-decode": f"POST {OPERATOR}",
    # Nothing is encoded for anybody.
    "temporal-codec-encode": "POST nobody",
}

SETTINGS_PAGES = {
    "settings": "GET workspace.read",
    "settings-workspace": "POST workspace.edit",
    "settings-credential-fields": "GET workspace.read",
    "settings-credentials": "POST credential.manage",
    "settings-credential-delete": "POST credential.manage",
    "settings-credential-limits": "POST credential.manage",
    "settings-keys": "POST key.manage",
    "settings-key-revoke": "POST key.manage",
    "settings-variables": "POST variable.manage",
    "settings-variable-delete": "POST variable.manage",
    "settings-key": "GET key.manage, POST key.manage",
    "credential-detail": "GET credential.manage",
    "credential-change": "POST credential.manage",
    "credential-try": "POST credential.manage",
    "credential-delete": "POST credential.manage",
    "members": "GET member.read",
    "member-invite": "POST member.manage",
    "member-role": "POST member.manage",
    "member-remove": "GET member.manage, POST member.manage",
    "member-leave": "GET workspace.read, POST workspace.read",
    "invitation-renew": "POST member.manage",
    "invitation-revoke": "POST member.manage",
    "workspace-delete": "GET workspace.delete, POST workspace.delete",
    "workspace-transfer": "GET workspace.transfer, POST workspace.transfer",
    "credential-connect": "POST credential.manage",
    # Where a provider sends people back to: of use to who began in this session only.
    "credential-connected": "GET credential.manage",
    "credential-disconnect": "POST credential.manage",
    "audit": "GET audit.read",
    "audit-export": "POST audit.read",
}

FLOW_PAGES = {
    "flow-list": "GET flow.read",
    "flow-create": "POST flow.create",
    "flow-import": "GET flow.create, POST flow.create",
    "flow-import-preview": "POST flow.create",
    "flow-import-create": "POST flow.create",
    "flow-bulk": "POST flow.edit",
    "flow-order": "GET flow.read",
    "folder-new": "POST flow.edit",
    "folder-rename": "POST flow.edit",
    "folder-delete": "POST flow.edit",
    "tag-new": "POST flow.edit",
    "tag-change": "POST flow.edit",
    "tag-delete": "POST flow.edit",
    "flow-name": "GET flow.edit, POST flow.edit",
    # And who made it.
    "flow-sharing": "GET flow.read, POST flow.all",
    "flow-duplicate": "POST flow.create",
    "flow-publish": "POST flow.publish",
    "flow-rename": "POST flow.edit",
    "flow-delete": "POST flow.delete",
    "flow-restore": "POST flow.edit",
    "flow-draft": "GET flow.read",
    "flow-changes": "POST flow.edit",
    "flow-problems": "GET flow.read",
    "flow-download": "GET flow.read",
    "flow-paste": "POST flow.read",
    "flow-versions": "GET flow.read",
    "flow-compare": "GET flow.read",
    "flow-version": "GET flow.read",
    "template-list": "GET flow.read",
    "template-detail": "GET flow.read",
    "flow-detail": "GET flow.read",
    "flow-run": "POST run.start",
    "flow-editor": "GET flow.read",
    "flow-inputs": "GET flow.read",
    "flow-find": "GET flow.read",
    "flow-try": "POST run.start",
    "flow-recent-runs": "GET run.read",
    "flow-cards": "GET flow.read",
    "node-form": "GET flow.read",
    "node-scope": "GET flow.read",
    "node-data": "GET run.read",
    "node-last": "GET run.read",
    "flow-preview": "POST flow.read",
    "flow-describe": "GET flow.edit, POST flow.edit",
    "flow-described": "GET flow.edit",
    "flow-describe-use": "POST flow.edit",
}

RUN_PAGES = {
    "run-list": "GET run.read",
    "run-compare": "GET run.read",
    "run-detail": "GET run.read",
    "run-flow": "GET run.read",
    "run-queue": "GET run.read",
    "run-result": "GET run.read",
    "run-cancel": "POST run.cancel",
    "run-pause": "POST run.cancel",
    "run-resume": "POST run.cancel",
    "run-again": "GET run.start, POST run.start",
    "run-only": "POST run.start",
    "run-progress": "GET run.read",
    "run-step": "GET run.read",
    "run-iterations": "GET run.read",
    "run-node": "GET run.read",
    "node-value": "GET run.read",
    "run-value": "GET run.read",
    "approval-list": "GET run.read",
    # Who is named decides in any role; what names nobody needs `run.approve`.
    "approval-detail": "GET run.read, POST run.approve",
    "file-download": "GET file.read",
}

KNOWLEDGE_PAGES = {
    "collection-list": "GET knowledge.read, POST knowledge.edit",
    "collection-detail": "GET knowledge.read",
    "collection-progress": "GET knowledge.read",
    "collection-change": "POST knowledge.edit",
    "collection-reindex": "POST knowledge.edit",
    "collection-delete": "POST knowledge.edit",
    "collection-search": "POST knowledge.read",
    "collection-add": "POST knowledge.edit",
    "document-detail": "GET knowledge.read",
    "document-delete": "POST knowledge.edit",
}

#: What `required_action` of the calls says, read together in one place.
API_CALLS = {
    "api-me": "GET workspace.read",
    "api-node-types": "GET flow.read",
    "api-folders": "GET flow.read, POST flow.edit",
    "api-folder": "PATCH flow.edit, DELETE flow.edit",
    "api-tags": "GET flow.read, POST flow.edit",
    "api-tag": "PATCH flow.edit, DELETE flow.edit",
    "api-flows": "GET flow.read, POST flow.create",
    "api-flows-validate": "POST flow.read",
    "api-flows-import": "POST flow.create",
    "api-flow": "GET flow.read, PATCH flow.edit, DELETE flow.delete",
    "api-flow-document": "GET flow.read, PUT flow.edit",
    "api-flow-publish": "POST flow.publish",
    "api-versions": "GET flow.read",
    "api-versions-diff": "GET flow.read",
    "api-version": "GET flow.read",
    "api-version-restore": "POST flow.edit",
    "api-flow-runs": "POST run.start",
    "api-session-memory": "GET run.read, DELETE run.start",
    "api-models": "GET workspace.read",
    "api-runs": "GET run.read",
    "api-run": "GET run.read",
    "api-run-nodes": "GET run.read",
    "api-run-document": "GET run.read",
    "api-run-events": "GET run.read",
    "api-run-cancel": "POST run.cancel",
    "api-run-pause": "POST run.cancel",
    "api-run-resume": "POST run.cancel",
    "api-run-rerun": "POST run.start",
    "api-run-approvals": "GET run.read",
    "api-run-approval": "POST run.approve",
    "api-approvals": "GET run.read",
    "api-run-value": "GET run.read",
    "api-files": "GET file.read, POST file.write",
    "api-file": "GET file.read, DELETE file.delete",
    "api-file-content": "GET file.read",
    "api-collections": "GET knowledge.read, POST knowledge.edit",
    "api-collection": "GET knowledge.read, PATCH knowledge.edit, DELETE knowledge.edit",
    "api-collection-search": "POST knowledge.read",
    "api-collection-reindex": "POST knowledge.edit",
    "api-keys": "GET key.manage, POST key.manage",
    "api-key": "PATCH key.manage, DELETE key.manage",
    "api-credentials": "GET credential.manage, POST credential.manage",
    "api-credential": "PATCH credential.manage, DELETE credential.manage",
    "api-variables": "GET workspace.read",
    "api-variable": "PUT variable.manage, DELETE variable.manage",
    "api-audit": "GET audit.read",
    "api-members": "GET member.read",
    "api-member": "PATCH member.manage, DELETE member.manage",
    "api-invitations": "GET member.manage, POST member.manage",
    "api-invitation": "DELETE member.manage",
    "api-documents": "GET knowledge.read, POST knowledge.edit",
    "api-document": "GET knowledge.read, DELETE knowledge.edit",
}

#: WebSockets, by their paths.
SOCKETS = {
    "ws/runs/<uuid:run_id>/": "GET run.read",
    "ws/flows/<uuid:flow_id>/": "GET flow.read",
}

ACCESS: dict[str, str] = {
    **PUBLIC_PAGES,
    **OWN_PAGES,
    **OPERATOR_PAGES,
    **SETTINGS_PAGES,
    **FLOW_PAGES,
    **RUN_PAGES,
    **KNOWLEDGE_PAGES,
    **API_CALLS,
}


def needs(row: str) -> dict[str, str]:
    """Method → what it needs, of a row's text."""
    return dict(part.strip().split(" ", 1) for part in row.split(","))
