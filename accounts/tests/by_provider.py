"""How a browser signs in with the scripted provider of `tests.support.identity_provider`."""

import re
from html import unescape
from typing import Any

from django.test import Client

from tests.support.identity_provider import IdentityProvider

BEGIN, BACK = "/accounts/oidc/sso/login/", "/accounts/oidc/sso/login/callback/"


def leave(client: Client, **form: str) -> str:
    """To where the page in between leads."""
    page = client.post(BEGIN, {"process": "login", **form})
    assert page.status_code == 200, page
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.content.decode())
    assert found is not None
    return unescape(found[1])


def sign_in(client: Client, provider: IdentityProvider, **form: str) -> Any:
    return client.get(provider.consent(leave(client, **form)))


def who(client: Client) -> str:
    return str(client.session.get("_auth_user_id", ""))
