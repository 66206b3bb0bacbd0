"""The variables of docs/configuration.md with their present values; what is secret is not shown."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings

from accounts.operators.system_settings import SPECS, stored, value
from fluxprompt.paths import ROOT

PAGE = ROOT / "docs" / "configuration.md"
HIDDEN = "set, not shown"
_SECRET = re.compile(r"KEY|SECRET|PASSWORD|TOKEN|CREDENTIAL", re.IGNORECASE)
#: Named so, and no secrets: where a file lies, how long something is.
_OPEN = re.compile(r"_PATH$")
_NAME = re.compile(r"`([A-Z][A-Z0-9_]+)`")
_MARKUP = re.compile(r"\[([^\]]+)\]\([^)]*\)|[`*]")


@dataclass(frozen=True)
class Variable:
    """`source`: environment, database or default; `value` is what a person may read."""

    name: str
    value: str
    source: str
    meaning: str


def variables(environ: Mapping[str, str] | None = None) -> list[Variable]:
    """Every variable in the order of its page; those of this process where none are given."""
    environ = os.environ if environ is None else environ
    changed = {SPECS[name].variable: name for name in stored() if name in SPECS}
    return [_variable(row, environ, changed) for row in _documented()]


def _variable(row: Any, environ: Mapping[str, str], changed: Mapping[str, str]) -> Variable:
    name, default, meaning = row
    if name in changed:
        return Variable(name, _said(value(changed[name])), "database", meaning)
    given = environ.get(name, "")
    if given.strip():
        return Variable(name, masked(name, given), "environment", meaning)
    return Variable(name, default, "default", meaning)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "0: for ever" if value is None else str(value)


@cache
def _documented() -> list[tuple[str, str, str]]:
    """(name, default, meaning) of each row of the page's table."""
    return list(_rows(PAGE.read_text(encoding="utf-8"))) if PAGE.exists() else []


def _rows(text: str) -> Iterator[tuple[str, str, str]]:
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if not line.startswith("| `") or len(cells) != 3:
            continue
        names = _NAME.findall(cells[0])
        defaults = cells[1].split(", ")
        for index, name in enumerate(names):
            default = defaults[index] if len(defaults) == len(names) else cells[1]
            yield name, _plain(default), _plain(cells[2])


def _plain(text: str) -> str:
    return _MARKUP.sub(lambda found: found[1] or "", text)


def masked(name: str, given: str) -> str:
    """A value without the secrets in it."""
    if _SECRET.search(name) and not _OPEN.search(name):
        return HIDDEN
    if given.lstrip().startswith("{"):
        return _masked_json(given)
    if "://" in given:
        return _masked_address(given)
    return given if len(given) <= 200 else f"{given[:200]}…"


def _masked_json(given: str) -> str:
    try:
        options = json.loads(given)
    except ValueError:
        return HIDDEN
    shown = {
        name: HIDDEN if _SECRET.search(name) or isinstance(value, dict | list) else value
        for name, value in options.items()
    }
    return json.dumps(shown, ensure_ascii=False)


def _masked_address(given: str) -> str:
    try:
        parts = urlsplit(given)
    except ValueError:
        return HIDDEN
    _, at, host = parts.netloc.rpartition("@")
    # Queries carry passwords too (`?password=`); nobody needs them here.
    query = "…" if parts.query else ""
    return urlunsplit((parts.scheme, f"{'…@' if at else ''}{host}", parts.path, query, ""))


def where() -> str:
    """What else decides: the folder of this copy's data."""
    return str(settings.FLUX_DATA_DIR)
