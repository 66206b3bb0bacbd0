"""The names of all addresses of the site that answer GET; the API and the admin have their own."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

_ELSEWHERE = ("admin/", "api/")


def pages_of_the_site() -> set[str]:
    """Names from the URL conf, without those whose view refuses GET."""
    return {
        str(pattern.name)
        for address, pattern in _patterns(get_resolver().url_patterns)
        if not address.startswith(_ELSEWHERE) and "GET" in _methods(pattern.callback)
    }


def _patterns(
    entries: list[URLPattern | URLResolver], prefix: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    for entry in entries:
        address = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield address, entry
        else:
            yield from _patterns(entry.url_patterns, address)


def _methods(view: Callable[..., Any] | None) -> list[str]:
    """What the decorators of a view let through; without such a decorator, GET."""
    while view is not None:
        if inspect.isfunction(view):
            allowed = inspect.getclosurevars(view).nonlocals.get("request_method_list")
            if allowed:
                return list(allowed)
        view = getattr(view, "__wrapped__", None)
    return ["GET"]
