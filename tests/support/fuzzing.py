"""Nonsense for every door, by seed: documents, expressions, calls of the API, forms and queries.

A crash is an answer of 500 or more, or an exception that is not one of those that say what is
wrong with what was sent. What a request changes is rolled back.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from accounts.access import ACCESS, needs
from flows.engine.document import DocumentInvalid, dump_yaml, parse
from flows.engine.errors import NodeError
from flows.engine.expressions import ExpressionError, compile_check, evaluate, references, render
from flows.engine.registry import registry
from flows.engine.tests.hostile import EXPRESSIONS, TEMPLATES, hostile_data
from flows.engine.validate import validate
from flows.tests.fixtures import GREETING
from tests.support.access_requests import ANYTHING, BODIES, JSON_PAGES, OTHERWISE
from tests.support.access_routes import Route, routes
from tests.support.access_world import AccessWorld

JSON = Any
KINDS = ("document", "expression", "call", "form", "query")
#: Seconds that one try may take.
TIME_LIMIT = 5.0
#: They sign out, or ask Temporal, which is not there.
_LEFT_OUT = {"account_logout", "readyz", "api-unknown"}
_WORDS = [
    *("", " ", "x", "0", "-1", "1e999", "NaN", "null", "true", "[]", "{}", "\0", "\ud800", "\r\n"),
    *("ß" * 300, "a" * 70_000, "../../etc/passwd", "<script>", "%00", "{{ start.name }}", "{{"),
    *("{% for x in y %}", "' OR 1=1 --", "9" * 400, "2026-02-30", "٣", "İ", "start", "result"),
    *("00000000-0000-0000-0000-000000000000", "fluxprompt.flow/v1", "openai/x", "http://[::1"),
    "\u202e",
]
_PIECES = [
    *("start", ".name", "[0]", "[-1]", "['x']", "|", " + ", " * ", " ** ", "(", ")", "{", "}"),
    *("1", "9" * 30, "1e308", " and ", " not ", " if ", " else ", "length", "join", "default"),
    *("tojson", "~", ":", ",", "%", "//", " in ", " is ", "none", "range", "vars", "\\", '"', "\0"),
    *("'a'", "map"),
]


@dataclass
class Fuzz:
    """Makes tries of each kind, and keeps what crashed."""

    world: AccessWorld
    seed: int
    tries: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    slowest: float = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.client = self.world.clients["owner"]
        found = [route for route in routes() if route.row != "admin:*"]
        found = [route for route in found if route.name not in _LEFT_OUT]
        self.calls = [route for route in found if route.is_api]
        self.forms = [route for route in found if "POST" in ACCESS[route.name] and not route.is_api]
        self.pages = [route for route in found if "GET" in ACCESS[route.name]]

    def once(self, kind: str) -> None:
        """One try; what is wrong is in `crashes`."""
        state = self.random.getrandbits(64)
        self.random = random.Random(state)
        began = time.perf_counter()
        self.sent: object = None
        try:
            said = getattr(self, f"_{kind}")()
        except Exception as error:
            said = "crash"
            self._crashed(kind, f"{type(error).__name__}: {str(error)[:300]}")
        took = time.perf_counter() - began
        self.slowest = max(self.slowest, took)
        if took > TIME_LIMIT:
            self._crashed(kind, f"took {took:.1f} s")
        self.tries[kind] += 1
        self.answers[f"{kind} {said}"] += 1

    def _crashed(self, kind: str, why: str) -> None:
        self.crashes.append(f"{kind}: {why}; sent {str(self.sent)[:600]!r}")

    def value(self, depth: int = 0) -> JSON:
        """Any JSON."""
        pick = self.random.random()
        if depth < 4 and pick < 0.2:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        if depth < 4 and pick < 0.4:
            names = (self.word() for _ in range(self.random.randrange(4)))
            return {name: self.value(depth + 1) for name in names}
        return self.random.choice(
            [None, True, False, 0, -1, 2**70, -0.5, 1e300, self.word(), self.word()]
        )

    def word(self) -> str:
        if self.random.random() < 0.6:
            return self.random.choice(_WORDS)
        return "".join(chr(self.random.randrange(1, 0x2FFF)) for _ in range(8))

    def changed(self, value: JSON) -> JSON:
        """The value with some of it taken away, doubled or replaced by nonsense."""
        if self.random.random() < 0.12:
            return self.value()
        if isinstance(value, dict):
            kept = {k: self.changed(v) for k, v in value.items() if self.random.random() > 0.05}
            if self.random.random() < 0.1:
                kept[self.word()] = self.value()
            return kept
        if isinstance(value, list):
            return [self.changed(item) for item in value for _ in range(1 + self._seldom())]
        return value

    def _seldom(self) -> int:
        return int(self.random.random() < 0.08)

    def _document(self) -> str:
        kinds = registry().all()
        content = json.loads(json.dumps(GREETING))
        for number in range(self.random.randrange(4)):
            kind = self.random.choice(kinds)
            fields = list(kind.config.model_fields)
            config = {name: self.value() for name in fields if self.random.random() < 0.5}
            content["nodes"].append({"id": f"n{number}", "type": kind.type, "config": config})
            content["edges"].append({"from": "start", "to": f"n{number}"})
        # Text that is no text is refused by the doors: `_call` sends it.
        content = json.loads(json.dumps(self.changed(content)).replace("\\ud800", "?"))
        self.sent = content
        source: JSON = content
        if self.random.random() < 0.3 or not isinstance(content, dict):
            source = yaml.safe_dump(json.loads(json.dumps(content)), allow_unicode=True)
        if isinstance(source, str) and self.random.random() < 0.3:
            at = self.random.randrange(len(source) + 1)
            source = source[:at] + self.word()[:20] + source[at + self.random.randrange(5) :]
        try:
            document = parse(source)
            validate(document, registry())
            parse(dump_yaml(document))
        except DocumentInvalid as invalid:
            return "refused" if all(problem.message for problem in invalid.problems) else "mute"
        return "read"

    def _expression(self) -> str:
        if self.random.random() < 0.3:
            text = self.random.choice([*EXPRESSIONS, *TEMPLATES])
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + self.random.choice(_PIECES) + text[at:]
        else:
            text = "".join(self.random.choices(_PIECES, k=self.random.randrange(1, 14)))
        self.sent = text
        data = hostile_data()
        said = "value"
        works: list[Callable[[], object]] = [
            lambda: compile_check(text),
            lambda: references(text),
            lambda: evaluate(text, data),
            lambda: render(f"a {{{{ {text} }}}}", data),
        ]
        for work in works:
            try:
                work()
            except (NodeError, ExpressionError):
                said = "refused"
        return said

    def _call(self) -> str:
        route = self.random.choice(self.calls)
        method = self.random.choice(list(needs(ACCESS[route.name])))
        body: JSON = self.changed(BODIES.get(route.name, self.value()))
        raw = json.dumps(body).encode()
        if self._seldom():
            raw = raw[: self.random.randrange(len(raw) + 1)] + self.random.randbytes(3)
        types = ["application/json"] * 6 + ["application/yaml", "multipart/form-data", "x"]
        return self._ask(route, method, data=raw, content_type=self.random.choice(types))

    def _form(self) -> str:
        route = self.random.choice(self.forms)
        if route.name in JSON_PAGES:
            body = json.dumps(self.changed(JSON_PAGES[route.name]))
            return self._ask(route, "POST", data=body, content_type="application/json")
        fields = {
            name: self.word().replace("\ud800", "") if self.random.random() < 0.5 else value
            for name, value in BODIES.get(route.name, {}).items()
        }
        for _ in range(self.random.randrange(3)):
            name = self.random.choice(["text", "next", "flow", "file", "page", "in-name", "name"])
            fields[name] = self.word().replace("\ud800", "")
        if self._seldom():
            fields["file"] = SimpleUploadedFile(
                "x" + self.word()[:9].replace("\ud800", ""), self.random.randbytes(40)
            )
        return self._ask(route, "POST", data=fields)

    def _query(self) -> str:
        return self._ask(self.random.choice(self.pages), "GET")

    def _ask(self, route: Route, method: str, **sent: Any) -> str:
        names = ["limit", "cursor", "search", "q", "page", "flow", "status", "run", "at", "from"]
        names += ["to", "a", "b", "format", "path", "of", "as", "type", "folder", "after"]
        query = "&".join(
            f"{self.random.choice(names)}={quote(self.word()[:500], errors='replace')}"
            for _ in range(self.random.randrange(3))
        )
        address = f"{route.address(self._parts(route))}?{query}"
        self.sent = (method, address, sent.get("data"))
        with transaction.atomic():
            response = (
                self.client.generic(method, address, **_as_bytes(sent))
                if method != "POST" or isinstance(sent.get("data"), (bytes, str))
                else (self.client.post(address, **sent))
            )
            transaction.set_rollback(True)
        if response.status_code >= 500:
            error = getattr(response, "exc_info", None)
            self._crashed(route.name, f"{response.status_code} {error!r}"[:500])
        return str(response.status_code)

    def _parts(self, route: Route) -> dict[str, Any]:
        """What is there, or once in a while something that is not."""
        parts: dict[str, Any] = {}
        for part in route.parts:
            name = OTHERWISE.get(route.name, {}).get(part, part)
            parts[part] = self.world.given.get(name, ANYTHING.get(name))
            if self.random.random() < 0.1:
                nonsense = ["x", "0" * 12, "00000000-0000-4000-8000-000000000000", "9" * 30]
                parts[part] = self.random.choice(nonsense)
        return parts


def _as_bytes(sent: dict[str, Any]) -> dict[str, Any]:
    data = sent.get("data", b"")
    return {**sent, "data": data.encode() if isinstance(data, str) else data}
