"""The Link header of an answer (RFC 8288): which addresses stand in which relation to it."""

import re

#: Links that are looked at, and characters of a header.
_MOST, _LONGEST = 100, 20_000
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w*!-]+\s*(?:=\s*(?:"[^"]*"|[^\s",;]*))?)*)')
_RELATION = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))', re.IGNORECASE)


def links_in(header: str) -> dict[str, str | None]:
    """Relation → address; `next`, `prev`, `first` and `last` are always there, null where not."""
    links: dict[str, str | None] = dict.fromkeys(("next", "prev", "first", "last"))
    for number, link in enumerate(_LINK.finditer(header[:_LONGEST])):
        if number >= _MOST:
            break
        relation = _RELATION.search(link[2])
        for name in (relation[1] or relation[2] or "").lower().split() if relation else ():
            links[name] = links.get(name) or link[1]
    return links
