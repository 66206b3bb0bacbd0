"""Pages of a workspace's settings with something on them, for the tests that look at all pages."""

from accounts.services import create_api_key, create_credential
from tests.support.visitor import Visitor


def settings_pages(visitor: Visitor) -> dict[str, str]:
    """A credential that a flow uses, a key with limits, and the audit trail."""
    values = {"token_url": "https://x.example/token", "client_id": "x", "client_secret": "x"}
    credential = create_credential(
        visitor.actor, name="averylongword" * 8, type="oauth2", values=values
    )
    key, _ = create_api_key(visitor.actor, name="ci", requests_per_minute=60, monthly_budget=None)
    return {
        "credential": f"/settings/credentials/{credential.pk}/",
        "API key": f"/settings/keys/{key.pk}/",
        "audit trail": "/settings/audit/",
        "audit trail where nothing matches": "/settings/audit/?search=nosuchevent",
    }
