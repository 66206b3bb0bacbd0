"""A provider that people connect credentials at: its sign-in page and its token server."""

import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from tests.support.site import Site, answer

CLIENT_SECRET, ACCESS, REFRESH = "cs-canary-9", "at-canary-9", "rt-canary-9"


class Provider(Site):
    """Lets everybody in at once, and checks what it is sent as providers do.

    `gives` is what its token server says besides the access token; `replies` come first.
    """

    def __init__(self, **gives: Any) -> None:
        super().__init__(self._answered, hang_up=True)
        self.gives = gives
        self.codes: dict[str, dict[str, str]] = {}
        self.replies: list[bytes] = []

    @property
    def exchanges(self) -> list[dict[str, str]]:
        """The forms that the token server was sent."""
        return [
            dict(parse_qsl(body.decode())) for first, _, body in self.requests if "POST" in first
        ]

    def code_for(self, address: str) -> tuple[str, str]:
        """(code, state) of somebody who allowed what this address asks for."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = f"code-canary-{len(self.codes)}"
        self.codes[code] = asked
        return code, asked["state"]

    def _answered(self, first: str, headers: dict[str, str], body: bytes) -> bytes:
        if first.startswith("GET /authorize"):
            code, state = self.code_for(first.split(" ")[1])
            back = self.codes[code]["redirect_uri"]
            query = urlencode({"code": code, "state": state, "iss": self.url})
            return answer(302, location=f"{back}?{query}")
        if self.replies:
            return self.replies.pop(0)
        form = dict(parse_qsl(body.decode()))
        if form["grant_type"] == "authorization_code" and not self._is_right(form):
            return answer(400, b'{"error": "invalid_grant"}')
        said = {"access_token": ACCESS, "token_type": "Bearer", "expires_in": 3600, **self.gives}
        return answer(200, json.dumps(said).encode(), content_type="application/json")

    def _is_right(self, form: dict[str, str]) -> bool:
        """A code is good once, for the redirect address and the verifier it was asked with."""
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        proof = urlsafe_b64encode(digest).decode().rstrip("=")
        return asked is not None and (asked["redirect_uri"], asked["code_challenge"]) == (
            form["redirect_uri"],
            proof,
        )


def id_token(**claims: str) -> str:
    """As OpenID Connect has it; its signature is not looked at."""
    middle = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{middle}.x"


def values_for(provider: Provider, **more: str) -> dict[str, str]:
    """The fields of a credential that is connected there."""
    return {
        "grant": "authorization_code",
        "authorization_url": f"{provider.url}/authorize?prompt=consent",
        "token_url": f"{provider.url}/token",
        "client_id": "shop",
        "client_secret": CLIENT_SECRET,
        "scope": "read offline",
        **more,
    }
