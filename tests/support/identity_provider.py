"""A small OpenID Connect provider over a real socket, that lies where it is told to."""

import base64
import hashlib
import json
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "flux", "client secret/+ 1"


@cache
def _key() -> rsa.RSAPrivateKey:
    """One for all: making it takes longer than most sign-ins."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class IdentityProvider:
    """Discovery, consent, tokens, keys and userinfo, for one person.

    `person` is what it tells of them; `claims` and `info` change what stands in the ID token and
    in the userinfo; `key` signs, `published` is what its keys are said to be.
    """

    def __init__(self) -> None:
        self.person: dict[str, Any] = {
            "sub": "17",
            "email": "grace@example.com",
            "email_verified": True,
            "name": "Grace Hopper",
        }
        self.claims: dict[str, Any] = {}
        self.info: dict[str, Any] = {}
        self.key = self.published = _key()
        self.kid: str | None = "k1"
        self.broken: set[str] = set()
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def consent(self, address: str) -> str:
        """What a person does there: the address they are sent back to."""
        query = dict(parse_qsl(urlsplit(address).query))
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        """Status and JSON of a request."""
        self.asked.append(path)
        if path in self.broken:
            return 500, {}
        if path == "/.well-known/openid-configuration":
            names = ("authorize", "token", "userinfo", "jwks")
            places = {name: f"{self.url}/{name}" for name in names}
            return 200, {
                "issuer": self.url,
                "authorization_endpoint": places["authorize"],
                "token_endpoint": places["token"],
                "userinfo_endpoint": places["userinfo"],
                "jwks_uri": places["jwks"],
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        if path == "/jwks":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.published.public_key()))
            return 200, {"keys": [{**public, "kid": "k1", "alg": "RS256", "use": "sig"}]}
        if path == "/token":
            return self._token(form)
        if path == "/userinfo" and authorization == "Bearer at-canary":
            return 200, {**self.person, **self.info}
        return 404, {}

    def _token(self, form: dict[str, str]) -> tuple[int, Any]:
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form.get("client_secret") != CLIENT_SECRET:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 60}
        claims |= {"nonce": asked.get("nonce", ""), **self.person, **self.claims}
        headers = {"kid": self.kid} if self.kid else None
        token = jwt.encode(claims, self.key, algorithm="RS256", headers=headers)
        return 200, {"access_token": "at-canary", "token_type": "Bearer", "id_token": token}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Requests(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.path == "/authorize":
                    provider.asked.append(parts.path)
                    self.send_response(302)
                    self.send_header("Location", provider.consent(self.path))
                    self.end_headers()
                    return
                self._say(*provider.answer(parts.path, {}, self.headers.get("Authorization", "")))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                self._say(*provider.answer(self.path, form, ""))

            def _say(self, status: int, said: Any) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(said).encode())

            def log_message(self, *args: Any) -> None:
                """Nothing on the terminal."""

        return Requests
