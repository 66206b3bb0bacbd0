"""One object of every kind that addresses name, in one workspace, and everybody who may ask."""

import hashlib
import io
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.test import Client
from django.utils import timezone

from accounts.members.invitations import invite
from accounts.models import Membership, Role, User, Workspace
from accounts.permissions import SCOPE_ACTIONS, Actor, member_actor, system_actor
from accounts.services import (
    create_api_key,
    create_credential,
    create_workspace,
    revoke_api_key,
    set_variable,
)
from execution.approval_links import link_address
from execution.approval_models import Approval
from execution.blobs import NewBlob, save_blobs
from execution.files.services import store_file
from execution.knowledge.services import add_document, create_collection
from execution.models import NodeRun, Run
from flows.models import Flow, FlowVersion
from flows.organizing import create_folder, create_tag
from flows.services import create_flow, publish_flow
from flows.tests.fixtures import GREETING

#: With a step in a container, which has pages of its own.
FLOW: dict[str, Any] = {
    **GREETING,
    "nodes": [
        *GREETING["nodes"],
        {"id": "each", "type": "map", "config": {"items": [1, 2]}},
        {"id": "inner", "type": "template", "parent": "each", "config": {"template": "x"}},
    ],
}
#: Who asks, beside the holders of keys.
PEOPLE = ("anonymous", *Role.values, "operator", "member of another workspace")
KEYS = ("key with the scope", "key without it", "revoked key", "key of another workspace")
CALLERS = PEOPLE + KEYS
ADDRESS = "owner@example.com"


@dataclass
class AccessWorld:
    """`given`: what stands in addresses, by the names of their parts."""

    workspace: Workspace
    given: dict[str, Any]
    clients: dict[str, Client]
    users: dict[str, User]
    tokens: dict[str, str]

    def client(self, caller: str, action: str, scope: str = "") -> Client:
        """Who asks; of keys those that allow the action, or all but the scopes that do."""
        if caller in self.clients:
            return self.clients[caller]
        scopes = [scope for scope, actions in SCOPE_ACTIONS.items() if action in actions]
        token = {
            "key with the scope": self.tokens[scope or (scopes[0] if scopes else "usage:read")],
            "key without it": self.tokens[
                next(scope for scope in SCOPE_ACTIONS if scope not in scopes)
                if len(scopes) < len(SCOPE_ACTIONS)
                else "none"
            ],
            "revoked key": self.tokens["revoked"],
            "key of another workspace": self.tokens["foreign"],
        }[caller]
        if token not in self.clients:
            headers = {"Authorization": f"Bearer {token}"}
            self.clients[token] = _client(self.clients["anonymous"], headers=headers)
        return self.clients[token]


def _client(other: Client, **defaults: Any) -> Client:
    """One more, with the middlewares of the other: to load them takes 50 ms."""
    made = Client(raise_request_exception=False, **defaults)
    made.handler = other.handler
    return made


def access_world() -> AccessWorld:
    """Call within a transaction of the test."""
    users = {role: User.objects.create_user(f"{role}@example.com", "x") for role in Role.values}
    workspace = create_workspace(users[Role.OWNER], name="Analytical Engines")
    for role in Role.values[1:]:
        Membership.objects.create(workspace=workspace, user=users[role], role=role)
    stranger = User.objects.create_user("eve@example.com", "x")
    foreign = create_workspace(stranger, name="Elsewhere")
    create_credential(system_actor(foreign.id), name="m", type="anthropic", values={"api_key": "x"})
    users["member of another workspace"] = stranger
    users["operator"] = User.objects.create_superuser("root@example.com", "x")
    actor = member_actor(users[Role.OWNER], workspace)
    assert actor is not None
    return AccessWorld(
        workspace, _objects(actor, workspace), _clients(users), users, _tokens(actor, foreign)
    )


def _clients(users: dict[str, User]) -> dict[str, Client]:
    clients = {"anonymous": Client(raise_request_exception=False)}
    for name, user in users.items():
        clients[name] = _client(clients["anonymous"])
        clients[name].force_login(user)
    return clients


def _tokens(actor: Actor, foreign: Workspace) -> dict[str, str]:
    tokens = {
        scope: create_api_key(actor, name=scope, scopes=[scope])[1] for scope in SCOPE_ACTIONS
    }
    revoked, tokens["revoked"] = create_api_key(actor, name="revoked")
    revoke_api_key(actor, revoked)
    none, tokens["none"] = create_api_key(actor, name="none")
    type(none).objects.filter(pk=none.pk).update(scopes=[])
    theirs = system_actor(foreign.id)
    tokens["foreign"] = create_api_key(theirs, name="foreign", scopes=SCOPE_ACTIONS)[1]
    return tokens


def _objects(actor: Actor, workspace: Workspace) -> dict[str, Any]:
    flow = create_flow(actor, document=FLOW)
    version = publish_flow(actor, flow)
    run = _run(workspace, flow, version)
    described = _run(workspace, flow, version, trigger="describe", outputs=_answer())
    data = b"a large text"
    digest = hashlib.sha256(data).hexdigest()
    save_blobs(workspace.id, [NewBlob(digest, "text", data)])
    NodeRun.objects.create(
        run=run, node="start", type="input", status="succeeded", input={}, output={"name": "Ada"}
    )
    asked = Approval.objects.create(
        run=run, workspace=workspace, node="ask", message="May it?", created_at=timezone.now()
    )
    made = create_collection(actor, name="Handbook")
    document, _ = add_document(actor, made, name="Returns", text="Send it back.")
    key, _ = create_api_key(actor, name="laptop")
    invited = invite(actor, email="guest@example.com", role=Role.VIEWER)
    credential = create_credential(actor, name="Claude", type="anthropic", values={"api_key": "sk"})
    return {
        "workspace_id": workspace.id,
        "flow_id": flow.id,
        "flow": flow.id,
        "number": 1,
        "kind": "yaml",
        "run_id": run.id,
        "run": run.id,
        "described": described.id,
        "node": "start",
        "inner": "inner",
        "side": "output",
        "digest": digest,
        "approval_id": asked.id,
        "approval_node": "ask",
        "link_token": urlsplit(link_address(asked, ADDRESS)).path.split("/")[-2],
        "folder_id": (folder := create_folder(actor, name="Clients")).id,
        "folder": folder.id,
        "tag_id": (tag := create_tag(actor, name="urgent")).id,
        "tag": tag.id,
        "collection_id": made.id,
        "collection": made.id,
        "document_id": document.id,
        "document": document.id,
        "file_id": (file := store_file(actor, "note.txt", io.BytesIO(b"words"))).id,
        "file": file.id,
        "credential_id": credential.id,
        "credential": credential.id,
        "variable_name": "region",
        "export_kind": "csv",
        "key_id": key.id,
        "member_id": (viewer := workspace.memberships.get(role=Role.VIEWER)).id,
        "member": viewer.id,
        "invitation_id": invited.invitation.id,
        "invitation": invited.invitation.id,
        "invitation_token": urlsplit(invited.link).path.split("/")[-2],
        "variable_id": set_variable(actor, "region", "eu").id,
        "session": "s1",
        "template": "compare_pages",
    }


def _answer() -> dict[str, str]:
    return {"answer": json.dumps({**GREETING, "name": "Greeting again"})}


def _run(
    workspace: Workspace,
    flow: Flow,
    version: FlowVersion,
    trigger: str = "api",
    outputs: Any = None,
) -> Run:
    now = timezone.now()
    return Run.objects.create(
        workspace=workspace,
        flow=flow,
        version=version,
        trigger=trigger,
        status="succeeded",
        inputs={"wish": "x", "system": "", "prompt": "", "round": 2} if outputs else {"name": "A"},
        outputs=outputs or "Hello A",
        session_id="s1",
        created_at=now,
        started_at=now,
        finished_at=now,
    )
