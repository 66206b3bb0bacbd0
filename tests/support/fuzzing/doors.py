"""Tries of every address: calls with generated bodies, forms, queries, and doors for strangers.

What a request changes is rolled back. A crash is an answer of 500 or more.
"""

import gzip
import json
import sys
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from django.core.cache import cache
from django.core.signals import got_request_exception, request_finished
from django.db import close_old_connections, transaction
from django.test import Client, RequestFactory
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from accounts.access import ACCESS, PUBLIC, needs
from tests.support.access_requests import ANYTHING, BODIES, JSON_PAGES, OTHERWISE
from tests.support.access_routes import Route, routes
from tests.support.access_world import AccessWorld
from tests.support.fuzzing.bodies import Bodies, media_of
from tests.support.fuzzing.chance import Broken, Chance
from tests.support.fuzzing.changes import operations
from tests.support.fuzzing.documents import sources

JSON = Any
#: They sign out, or ask Temporal, which is not there.
_LEFT_OUT = {"account_logout", "readyz", "api-unknown"}
_QUERIES = (
    *("limit", "cursor", "search", "q", "page", "flow", "status", "run", "at", "from", "to", "a"),
    *("b", "format", "path", "of", "as", "type", "folder", "after", "since", "until", "next"),
)
_NAMES = ("text", "next", "flow", "file", "page", "in-name", "name", "login", "password", "key")
_HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("HTTP_ACCEPT", ("*/*", "application/yaml", "text/event-stream;q=x", "x", ";;,", "a" * 9_000)),
    ("HTTP_IF_MATCH", ("*", '"1"', 'W/"1"', "", '"', "x" * 3_000)),
    ("HTTP_IDEMPOTENCY_KEY", ("k1", "", "x" * 300, "ß", "\x01")),
    ("HTTP_PREFER", ("wait=0", "wait=-1", "wait=x", "respond-async", "wait=" + "9" * 400)),
    ("HTTP_HX_REQUEST", ("true",)),
    ("HTTP_HX_CURRENT_URL", ("http://[::1", "/x", "%ff")),
    ("HTTP_RANGE", ("bytes=0-1", "bytes=9-1", "bytes=x", "bytes=" + "0-1," * 900)),
    ("HTTP_COOKIE", ("sessionid=x", "sessionid=" + "a" * 5_000, 'a="', "=;=", "\xff")),
    ("HTTP_ACCEPT_LANGUAGE", ("de", "x" * 600, "*;q=9", "../../x")),
    ("HTTP_X_FORWARDED_FOR", ("1.2.3.4", "x, y", "::1" + ",::1" * 400)),
    ("HTTP_IF_MODIFIED_SINCE", ("x", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo 99999")),
    ("HTTP_CONTENT_ENCODING", ("gzip", "br", "x")),
    ("HTTP_TRANSFER_ENCODING", ("chunked",)),
    ("HTTP_ORIGIN", ("null", "http://evil.example", "x")),
    ("HTTP_AUTHORIZATION", ("Bearer x", "Bearer", "Basic !!", "Bearer " + "a" * 9_000, "\xff")),
    ("HTTP_API_KEY", ("flux_x", "", "ß")),
)
_TYPES = (
    *("application/json; charset=utf-16", "application/json; charset=nope", "application/yaml"),
    *("multipart/form-data", "multipart/form-data; boundary=" + "x" * 300, "x", "", "a/b;c=\x01"),
    *("application/x-www-form-urlencoded", "text/plain", 'multipart/form-data; boundary="x"'),
)


class Door(RequestFactory):
    """Asks as a client does, without keeping templates and contexts of every answer."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.handler = client.handler
        self.cookies = client.cookies

    def request(self, **request: Any) -> Any:
        environ = self._base_environ(**request)  # type: ignore[attr-defined]
        response = self.handler(environ)
        if response.streaming:
            # The end of a request closes the connection, which holds the transaction of the try.
            request_finished.disconnect(close_old_connections)
            response.close()
            request_finished.connect(close_old_connections)
        return response


@dataclass
class Doors:
    """The addresses of the site, by who asks and how; what they need is in the world."""

    world: AccessWorld
    asked: object = None
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.owner = Door(self.world.clients["owner"])
        self.stranger = Door(self.world.clients["anonymous"])
        found = [route for route in routes() if route.row != "admin:*"]
        found = [route for route in found if route.name not in _LEFT_OUT]
        self.calls = [route for route in found if route.is_api]
        self.bodied = [
            (route, method)
            for route in self.calls
            for method in needs(ACCESS[route.name])
            if media_of(route, method)
        ]
        self.forms = [route for route in found if "POST" in ACCESS[route.name] and not route.is_api]
        self.pages = [route for route in found if "GET" in ACCESS[route.name]]
        self.open = [route for route in found if needs(ACCESS[route.name]).get("POST") == PUBLIC]
        got_request_exception.connect(self._failed)

    def close(self) -> None:
        got_request_exception.disconnect(self._failed)

    def _failed(self, **_: Any) -> None:
        kind, error, _trace = sys.exc_info()
        self.errors.append(f"{kind.__name__ if kind else ''}: {error!s:.300}")

    def call(self, chance: Chance) -> str:
        """A call of the API with a body after its schema."""
        route, method = chance.choice(self.bodied)
        media, body = Bodies(chance, self.world.given).sent(route, method)
        if media == "multipart/form-data":
            return self._ask(chance, self.owner, route, method, *self._parts_of(chance, body))
        raw = json.dumps(body).encode()
        if media == "application/yaml" and isinstance(body, str):
            raw = body.encode("utf-8", "replace")
        return self._ask(chance, self.owner, route, method, *self._encoded(chance, raw, media))

    def any_call(self, chance: Chance) -> str:
        """Any method of any call, with or without a body that means something."""
        route = chance.choice(self.calls)
        method = chance.choice((*needs(ACCESS[route.name]), "PUT", "OPTIONS", "HEAD"))
        raw = json.dumps(chance.value()).encode() if chance.hits(0.5) else b""
        return self._ask(chance, self.owner, route, method, raw, "application/json")

    def form(self, chance: Chance) -> str:
        """A form of a page, or the JSON that the editor sends."""
        return self._form(chance, self.owner, chance.choice(self.forms))

    def strange(self, chance: Chance) -> str:
        """Forms that nobody has to sign in for."""
        return self._form(chance, self.stranger, chance.choice(self.open))

    def query(self, chance: Chance) -> str:
        """A page or list with anything behind its question mark."""
        door = self.stranger if chance.hits(0.1) else self.owner
        return self._ask(chance, door, chance.choice(self.pages), "GET", b"", "")

    def asks_nothing_wrong(self, method: str, address: str, fields: dict[str, str]) -> None:
        """A stranger's request, word for word. Raises Broken where it crashes."""
        self.errors.clear()
        raw, media = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        asked = f"{address}?{urlencode(fields)}" if method == "GET" else address
        with transaction.atomic():
            response: Any = self.stranger.generic(method, asked, raw, media)
            transaction.set_rollback(True)
        if response.status_code >= 500 or self.errors:
            raise Broken(f"{asked}: {response.status_code} {self.errors}")

    def _form(self, chance: Chance, door: Door, route: Route) -> str:
        if route.name in JSON_PAGES:
            raw = json.dumps(self._json_page(chance, route)).encode()
            return self._ask(
                chance, door, route, "POST", *self._encoded(chance, raw, "application/json")
            )
        fields: dict[str, Any] = {
            name: chance.plain_word() if chance.hits(0.3) else value
            for name, value in BODIES.get(route.name, {}).items()
        }
        for name in chance.some(_NAMES, 3):
            fields[name] = chance.plain_word()
        if chance.hits(0.3):
            return self._ask(chance, door, route, "POST", *self._parts_of(chance, fields))
        raw = urlencode(fields, doseq=True).encode()
        media = "application/x-www-form-urlencoded"
        return self._ask(chance, door, route, "POST", *self._encoded(chance, raw, media))

    def _json_page(self, chance: Chance, route: Route) -> JSON:
        body = json.loads(json.dumps(JSON_PAGES[route.name]))
        if route.name == "flow-changes" and chance.hits(0.8):
            document = json.loads(chance.choice(sources()))
            body["changes"][0]["ops"] = operations(chance, document)
        if route.name == "flow-paste":
            body["text"] = chance.choice((chance.choice(sources()), "curl -X POST 'http://x", "x"))
        return body if chance.hits(0.5) else chance.nearly(body)

    def _encoded(self, chance: Chance, raw: bytes, media: str) -> tuple[bytes, str]:
        """Mostly as it is; now and then cut, packed or called something else."""
        pick = chance.random()
        if pick < 0.05:
            return raw[: chance.randrange(len(raw) + 1)] + chance.randbytes(3), media
        if pick < 0.08:
            return gzip.compress(raw)[: chance.randrange(40)], media
        if pick < 0.1:
            return raw.decode().encode("utf-16"), media
        return raw, chance.choice(_TYPES) if pick < 0.15 else media

    def _parts_of(self, chance: Chance, fields: JSON) -> tuple[bytes, str]:
        """A form of parts with a file in it, now and then cut."""
        named = dict(fields) if isinstance(fields, dict) else {"x": fields}
        texts = {
            _plain(name)[:50].replace('"', ""): value
            if isinstance(value, list)
            else _plain(str(value))
            for name, value in named.items()
            if name != "file" and value is not None
        }
        raw = encode_multipart(BOUNDARY, texts)
        name = chance.choice(("note.txt", "../../x", "a" * 400, "\u202etxt", "", "x\x00", "CON"))
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        extra = chance.choice(("", "Content-Type: x\r\n", "Content-Transfer-Encoding: base64\r\n"))
        part = f"--{BOUNDARY}\r\n{head}{extra}\r\n".encode() + chance.randbytes(30) + b"\r\n"
        raw = part + raw
        if chance.hits(0.1):
            raw = raw[: chance.randrange(len(raw))]
        return raw, MULTIPART_CONTENT

    def _ask(
        self, chance: Chance, door: Door, route: Route, method: str, raw: bytes, media: str
    ) -> str:
        query = "&".join(
            f"{name}={quote(chance.word()[:500], errors='replace')}"
            for name in chance.some(_QUERIES, 2)
        )
        headers: dict[str, Any] = {
            name: chance.choice(values)
            for name, values in (chance.some(_HEADERS, 2) if chance.hits(0.3) else ())
        }
        if headers.get("HTTP_COOKIE") and chance.hits(0.7):
            del headers["HTTP_COOKIE"]
        address = f"{route.address(self._address_parts(chance, route))}?{query}"
        self.asked = (method, address, media, headers, raw[:600])
        self.errors.clear()
        with transaction.atomic():
            response: Any = door.generic(method, address, raw, media, False, **headers)
            transaction.set_rollback(True)
        if response.status_code == 429:
            # Failures are counted beyond a rollback; the next one is to get past the count.
            cache.clear()
        if response.status_code >= 500 or self.errors:
            raise Broken(f"{route.name}: {response.status_code} {self.errors}")
        return str(response.status_code)

    def _address_parts(self, chance: Chance, route: Route) -> dict[str, Any]:
        """What is there, or once in a while something that is not."""
        parts: dict[str, Any] = {}
        for part in route.parts:
            name = OTHERWISE.get(route.name, {}).get(part, part)
            parts[part] = self.world.given.get(name, ANYTHING.get(name))
            if chance.hits(0.05):
                nonsense = ("x", "0" * 12, "00000000-0000-4000-8000-000000000000", "9" * 30)
                parts[part] = chance.choice(nonsense)
        return parts


def _plain(text: str) -> str:
    """What a form can carry: half a pair of surrogates has no bytes."""
    return text.encode("utf-8", "replace").decode()
