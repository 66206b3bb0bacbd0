"""Pages of a workspace's settings with something on them, for the tests that look at all pages."""

import uuid
from urllib.parse import urlsplit

from accounts.credentials.connections import Connection, connect_credential
from accounts.members.invitations import invite
from accounts.models import Credential, Membership, Role, User
from accounts.services import create_api_key, create_credential
from tests.support.visitor import Visitor


def settings_pages(visitor: Visitor) -> dict[str, str]:
    """A credential that a flow uses, a key with limits, and the audit trail."""
    values = {"token_url": "https://x.example/token", "client_id": "x", "client_secret": "x"}
    credential = create_credential(
        visitor.actor, name="averylongword" * 8, type="oauth2", values=values
    )
    connected = _connected(visitor, values)
    key, _ = create_api_key(visitor.actor, name="ci", requests_per_minute=60, monthly_budget=None)
    return {
        "credential": f"/settings/credentials/{credential.pk}/",
        "credential that is connected": f"/settings/credentials/{connected.pk}/",
        "answer of a provider that nobody waits for": "/settings/credentials/connected/?state=x",
        "API key": f"/settings/keys/{key.pk}/",
        "audit trail": "/settings/audit/",
        "audit trail where nothing matches": "/settings/audit/?search=nosuchevent",
        **_people(visitor),
    }


def _people(visitor: Visitor) -> dict[str, str]:
    """Members with long names, an open invitation, and what becomes of whole workspaces."""
    someone = uuid.uuid4().hex[:10]
    member = User.objects.create_user(f"{someone}@example.com", name="averylongword" * 8)
    membership = Membership.objects.create(
        workspace=visitor.workspace, user=member, role=Role.ADMIN
    )
    key, _ = create_api_key(visitor.actor, name="theirs")
    key.created_by = member
    key.save()
    address = f"{'averylongword' * 4}{someone}@example.com"
    link = invite(visitor.actor, email=address, role=Role.VIEWER).link
    return {
        "members": "/settings/members/",
        "member who is taken out": f"/settings/members/{membership.pk}/remove/",
        "leaving": "/settings/members/leave/",
        "workspace deleted": "/settings/workspace/delete/",
        "new workspace": "/workspaces/new/",
        "invitation": urlsplit(link).path,
        "invitation that does not work": "/invitations/x/",
    }


def _connected(visitor: Visitor, values: dict[str, str]) -> Credential:
    asked = {"grant": "authorization_code", "authorization_url": "https://x.example/authorize"}
    credential = create_credential(
        visitor.actor, name="Calendar", type="oauth2", values={**values, **asked}
    )
    given = Connection("token", 3600, account="ada" * 30 + "@example.com")
    return connect_credential(visitor.actor, credential, given, asked_with=credential.settings)
