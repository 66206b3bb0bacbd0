"""Bodies of API calls, made from what their OpenAPI schema says may be sent."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from tests.support.access_requests import BODIES
from tests.support.access_routes import Route
from tests.support.fuzzing import documents, formats
from tests.support.fuzzing.chance import Chance

JSON = Any
_PART = re.compile(r"<(\w+)>")
_FORMATS = {"date-time": "2027-02-03T04:05:06Z", "date": "2027-02-03", "uri": "https://x.example/"}
#: How deep objects without a limit of their own are made.
_DEEPEST = 5


@cache
def schema() -> dict[str, JSON]:
    """The API's own description of itself."""
    made: dict[str, JSON] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def media_of(route: Route, method: str) -> dict[str, JSON]:
    """Media type → schema of what a call takes; empty where it takes nothing."""
    path = _PART.sub(r"{\1}", route.path)
    call = schema()["paths"].get(path, {}).get(method.lower(), {})
    content = call.get("requestBody", {}).get("content", {})
    return {media: described["schema"] for media, described in content.items()}


class Bodies:
    """Makes values that a schema allows; `given` are ids of what is there, by what they name."""

    def __init__(self, chance: Chance, given: Mapping[str, JSON]) -> None:
        self.chance = chance
        self.given = given
        self._named: dict[str, Callable[[], JSON]] = {
            "document": lambda: documents.mutated(chance)[0],
            "inputs": lambda: {"name": chance.choice(("Ada", chance.word()))},
            "text": lambda: chance.choice(("Some words.", formats.made(chance))),
            "from": lambda: "start",
            "version": lambda: chance.choice(("published", "draft", 1, 2)),
            "folder": lambda: str(given["folder"]),
            "tags": lambda: chance.choice(([], ["urgent"], ["nope"])),
            "model": lambda: "openai_compatible/bag",
            "expires_at": lambda: chance.choice((None, "2031-01-01T00:00:00Z", "2020-01-01")),
            "monthly_budget": lambda: chance.choice((None, "5.00", 3, "-1", "1e3", "NaN")),
            "until": lambda: None,
            "only": lambda: None,
            "given": lambda: None,
            "chunk_overlap": lambda: chance.choice((0, 10, 50)),
            "language": lambda: "english",
        }

    def sent(self, route: Route, method: str) -> tuple[str, JSON]:
        """(media type, body): as the schema has it, nearly so, or nothing of the kind."""
        media = media_of(route, method)
        name = self.chance.choice(list(media)) if media else "application/json"
        body = self._fixed(route) if self.chance.hits(0.4) else None
        if body is None:
            body = self.value(media.get(name, {"type": "object"}))
        pick = self.chance.random()
        if pick > 0.92:
            return name, self.chance.spoiled(body, share=0.3)
        if pick > 0.6:
            return name, self.chance.nearly(body)
        return name, body

    def _fixed(self, route: Route) -> JSON:
        """A copy of what is known to be taken."""
        body = BODIES.get(route.name)
        return None if body is None else _copied(body)

    def value(self, described: Mapping[str, JSON], depth: int = 0) -> JSON:
        """Something that this schema allows."""
        if "$ref" in described:
            name = str(described["$ref"]).rpartition("/")[2]
            if name == "FlowDocument":
                return documents.mutated(self.chance)[0]
            return self.value(schema()["components"]["schemas"][name], depth)
        for key in ("oneOf", "anyOf", "allOf"):
            if key in described:
                return self.value(self.chance.choice(described[key]), depth)
        if "enum" in described:
            return self.chance.choice(described["enum"])
        kind = described.get("type", "any")
        if isinstance(kind, list):
            kind = self.chance.choice(kind)
        return self._of(kind, described, depth)

    def _of(self, kind: str, described: Mapping[str, JSON], depth: int) -> JSON:
        if kind == "object":
            return self._object(described, depth)
        if kind == "array":
            least = int(described.get("minItems", 0))
            count = self.chance.randint(least, least + 2)
            return [self.value(described.get("items", {}), depth + 1) for _ in range(count)]
        if kind == "string":
            return self._text(described)
        if kind in ("integer", "number"):
            low = described.get("minimum", 0)
            high = described.get("maximum", low + 100)
            return self.chance.choice((low, high, self.chance.randint(int(low), int(high))))
        if kind == "boolean":
            return self.chance.hits(0.5)
        return None if kind == "null" else self.chance.value(2)

    def _object(self, described: Mapping[str, JSON], depth: int) -> dict[str, JSON]:
        made: dict[str, JSON] = {}
        needed = described.get("required", ())
        for name, inner in described.get("properties", {}).items():
            if name not in needed and self.chance.hits(0.5):
                continue
            own = self._named.get(name)
            made[name] = own() if own and self.chance.hits(0.9) else self.value(inner, depth + 1)
        more = described.get("additionalProperties")
        if isinstance(more, dict) and depth < _DEEPEST:
            for name in self.chance.some(("token", "api_key", "a", "url"), 3):
                made[name] = self.value(more, depth + 1)
        return made

    def _text(self, described: Mapping[str, JSON]) -> str:
        if described.get("format") in _FORMATS:
            return _FORMATS[described["format"]]
        longest = int(described.get("maxLength", 200))
        if self.chance.hits(0.05):
            return "x" * min(longest, 2_001)
        shortest = "x" * int(described.get("minLength", 1))
        words = ("Name", "a", "Ünïcode 😀", "two words", "start", shortest)
        return self.chance.choice(words)[:longest]


def _copied(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
