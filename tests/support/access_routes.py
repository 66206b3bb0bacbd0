"""Every address that the site answers, read from its resolver."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

_PART = re.compile(r"<(?:\w+:)?(\w+)>")
_GROUP = re.compile(r"\(\?P(<\w+>)[^)]*\)")


@dataclass(frozen=True)
class Route:
    """An address whose parts, as `<flow_id>`, are to be filled in."""

    name: str
    path: str
    view: Any

    @property
    def parts(self) -> list[str]:
        return _PART.findall(self.path)

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/v1/")

    @property
    def row(self) -> str:
        """Its row in `accounts.access`."""
        return "admin:*" if self.name.startswith("admin:") else self.name

    def address(self, given: Mapping[str, Any]) -> str:
        """KeyError for a part that the world has no object for."""
        return _PART.sub(lambda part: str(given[part[1]]), self.path)


def routes() -> list[Route]:
    """All of them, pages and calls of the API, allauth's and the operators' console."""
    return list(_below(get_resolver(), "/", ""))


def _below(resolver: URLResolver, prefix: str, namespace: str) -> Iterator[Route]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            name = f"{namespace}:{pattern.name}" if namespace else str(pattern.name)
            path = _GROUP.sub(r"\1", str(pattern.pattern))
            yield Route(name, prefix + path.strip("^$"), pattern.callback)
        else:
            inner = ":".join(part for part in (namespace, pattern.namespace) if part)
            yield from _below(pattern, prefix + str(pattern.pattern), inner)
