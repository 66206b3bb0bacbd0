"""Sign-in with GitHub, against a scripted one over a socket."""

import json
import re
import threading
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import pytest
from allauth.socialaccount.models import SocialToken
from allauth.socialaccount.providers.github.views import GitHubOAuth2Adapter
from django.test import Client
from pytest_django import Settings

from accounts.authentication.providers import SignInProvider, configured
from accounts.authentication.vouching import vouch_for
from accounts.models import User


class GitHub(BaseHTTPRequestHandler):
    """Enough of GitHub: a token, a person, and their addresses."""

    emails: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        found = {"/user": {"id": 17, "login": "grace", "name": "Grace Hopper", "email": None}}
        self._say(found.get(self.path, type(self).emails))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say({"access_token": "at-canary", "token_type": "bearer"})

    def _say(self, said: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    def log_message(self, *args: Any) -> None:
        """Nothing on the terminal."""


@pytest.mark.parametrize(("verified", "comes_in"), [(True, True), (False, False)])
def test_s11_github_joins_by_verified_addresses_only(
    client: Client,
    owner: User,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    verified: bool,
    comes_in: bool,
) -> None:
    vouch_for(owner)
    settings.FLUX_PROVIDERS = (SignInProvider("github", "GitHub", "id", "secret"),)
    settings.SOCIALACCOUNT_PROVIDERS = configured(settings.FLUX_PROVIDERS)
    monkeypatch.setattr(
        GitHub, "emails", [{"email": owner.email, "primary": True, "verified": verified}]
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), GitHub) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        places = {"access_token": "/token", "profile": "/user", "emails": "/user/emails"}
        for name, path in places.items():
            monkeypatch.setattr(GitHubOAuth2Adapter, f"{name}_url", url + path)
        page = client.post("/accounts/github/login/").content.decode()
        found = re.search(r'0;url=(https://github.com/[^"]+)', page)
        assert found is not None
        asked = dict(parse_qsl(urlsplit(unescape(found[1])).query))
        assert asked["code_challenge_method"] == "S256"
        client.get(f"/accounts/github/login/callback/?code=x&state={asked['state']}")
        server.shutdown()
    assert (client.session.get("_auth_user_id") == str(owner.pk)) == comes_in
    assert User.objects.count() == 1
    assert not SocialToken.objects.exists()
