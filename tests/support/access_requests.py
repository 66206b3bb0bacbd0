"""What is sent to addresses that take something: enough to get to the question who may."""

from typing import Any

from flows.tests.fixtures import GREETING

#: Parts of addresses that mean something else in one route: route → part → name in the world.
OTHERWISE = {
    "flow-described": {"run_id": "described"},
    "flow-describe-use": {"run_id": "described"},
    "approval-link": {"token": "link_token"},
    "invitation": {"token": "invitation_token"},
    "template-detail": {"key": "template"},
    "api-run-approval": {"node": "approval_node"},
    "run-iterations": {"node": "inner"},
    "api-key": {"key": "key_id"},
    "api-variable": {"name": "variable_name"},
    "audit-export": {"kind": "export_kind"},
}
#: Calls for which a key needs more than the gate's action: a scope that has both.
SCOPES = {"api-session-memory": "runs:write", "api-run-document": "runs:write"}
#: Parts that name nothing of a workspace.
ANYTHING = {
    "pk": "1",
    "provider_id": "sso",
    "token": "x",
    "uidb36": "x",
    "key": "start",
    "object_id": "1",
    "id": "1",
    "app_label": "accounts",
    "url": "nothing",
    "content_type_id": "1",
}
#: Words behind the question mark; `{run_id}` is filled in.
QUERIES = {
    "run-compare": "a={run_id}",
    "flow-compare": "from=1&to=draft",
    "api-versions-diff": "from=1",
    "node-data": "of=output",
}
_ID = "00000000-0000-4000-8000-000000000000"
_COLLECTION = {
    "name": "x",
    "model": "openai_compatible/bag",
    "language": "english",
    "chunk_size": "1000",
    "chunk_overlap": "50",
}
_NEW_FLOW = {"document": GREETING}
#: Forms (of pages) and JSON (of calls), by route.
BODIES: dict[str, dict[str, Any]] = {
    "settings-workspace": {"name": "Other"},
    "workspace-new": {"name": "Another"},
    "workspace-delete": {"name": "x"},
    "member-invite": {"email": "new@example.com", "role": "viewer"},
    "member-role": {"role": "viewer"},
    "member-remove": {"keys": "revoke"},
    "api-member": {"role": "builder"},
    "api-invitations": {"email": "new@example.com", "role": "viewer"},
    "settings-credentials": {"type": "anthropic", "name": "x", "api_key": "sk"},
    "settings-credential-limits": {"max_concurrent": "3"},
    "settings-keys": {"name": "x", "scopes": ["flows:read"], "expires": "30"},
    "settings-variables": {"name": "x", "kind": "json", "value": "1"},
    "flow-import-create": {"document": "{}"},
    "flow-bulk": {"action": "move", "flow": ["{flow_id}"], "folder": "{folder_id}"},
    "folder-new": {"name": "x"},
    "folder-rename": {"name": "x"},
    "tag-new": {"name": "x", "colour": "red"},
    "tag-change": {"name": "x", "colour": "red"},
    "flow-name": {"name": "x"},
    "flow-rename": {"name": "x"},
    "run-only": {"node": "start"},
    "run-again": {"name": "x"},
    "flow-run": {"name": "x", "in-name": "x"},
    "flow-describe-use": {"revision": "1"},
    "flow-describe": {"wish": "Say hello."},
    "approval-detail": {"decision": "approve"},
    "collection-list": _COLLECTION,
    "collection-change": _COLLECTION,
    "collection-add": {"name": "x", "text": "x"},
    "collection-search": {"query": "x"},
    "settings-key": {"name": "x", "scopes": ["flows:read"]},
    "credential-change": {"name": "Claude", "api_key": "sk"},
    # No key gives another more than it has itself.
    "api-keys": {"name": "x", "scopes": ["keys:write"]},
    "api-key": {"name": "x"},
    "api-credentials": {"name": "x", "type": "bearer", "values": {"token": "sk"}},
    "api-credential": {"name": "x"},
    "api-variable": {"value": 1},
    "api-flows": _NEW_FLOW,
    "api-flow": {"name": "x"},
    "api-folders": {"name": "x"},
    "api-folder": {"name": "x"},
    "api-tags": {"name": "x"},
    "api-tag": {"name": "x"},
    "api-flow-document": GREETING,
    "api-flow-runs": {"inputs": {"name": "x"}},
    "api-run-approval": {"decision": "approve"},
    "api-collections": {"name": "x"},
    "api-collection": {"name": "x"},
    "api-collection-search": {"query": "x"},
    "api-documents": {"name": "x", "text": "x"},
}
#: Pages that take JSON instead of a form.
JSON_PAGES: dict[str, dict[str, Any]] = {
    "flow-changes": {
        "tab": _ID,
        "base": 1,
        "changes": [{"id": _ID, "label": "x", "ops": [{"op": "remove_node", "node": "result"}]}],
    },
    "flow-paste": {"text": "x"},
    "flow-preview": {"node": "result", "text": "{{ start.name }}"},
    "temporal-codec-decode": {"payloads": []},
}
