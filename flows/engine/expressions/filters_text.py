"""Filters on text; what is no text is turned into text first, so that numbers work too."""

import base64
import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from flows.engine.expressions import values
from flows.engine.expressions.budget import Budget, weight, wrong_type
from flows.engine.json_values import storable_text

MAX_SLUG = 200
MAX_DATE_FORMAT = 200


def _text(budget: Budget, value: Any) -> str:
    text = values.text_of(budget, value)
    budget.scan(text)
    return text


def _argument(name: str, what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise wrong_type(f"'{name}' needs text as {what}, but got {values.kind(value)}.")
    return value


def _count(name: str, what: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 10**9:
        raise wrong_type(f"'{name}' needs a whole number from 0 as {what}.")
    return value


def upper(budget: Budget, value: Any) -> str:
    """Upper-case text."""
    text = _text(budget, value)
    # One character can become three ("ΐ").
    budget.keep(weight(text) * (1 if text.isascii() else 3))
    return text.upper()


def lower(budget: Budget, value: Any) -> str:
    """Lower-case text."""
    text = _text(budget, value)
    budget.keep(weight(text) * (1 if text.isascii() else 3))
    return text.lower()


def trim(budget: Budget, value: Any, characters: Any = None) -> str:
    """Text without white space (or the given characters) at both ends."""
    text = _text(budget, value)
    signs = None if characters is None else _argument("trim", "characters", characters)
    if signs is not None:
        budget.search(text, signs)
    return budget.text(text.strip(signs))


def replace(budget: Budget, value: Any, old: Any, new: Any = "", count: Any = None) -> str:
    """Every `old` (the first `count` of them) becomes `new`."""
    text = _text(budget, value)
    old, new = _argument("replace", "what to replace", old), values.text_of(budget, new)
    if not old:
        raise wrong_type("'replace' needs something to replace; it got empty text.")
    budget.search(text, old)
    found = text.count(old)
    if count is not None:
        found = min(found, _count("replace", "count", count))
    budget.work(found >> 2)
    budget.keep(weight(text) + found * weight(new))
    budget.search(text, old)
    return text.replace(old, new, found)


def split(budget: Budget, value: Any, separator: Any = None, limit: Any = None) -> list[str]:
    """Pieces between separators (without one: words); with `limit` at most so many splits."""
    text = _text(budget, value)
    most = -1 if limit is None else _count("split", "limit", limit)
    if separator is None:
        # How many words there are is known only after splitting; half the length bounds it.
        pieces = text.split(None, min(most, budget.units) if most >= 0 else budget.units)
    else:
        separator = _argument("split", "separator", separator)
        if not separator:
            raise wrong_type("'split' needs a separator that is not empty.")
        budget.search(text, separator)
        found = text.count(separator)
        budget.work(min(found, most) if most >= 0 else found)
        budget.search(text, separator)
        pieces = text.split(separator, most)
    budget.work(len(pieces))
    budget.keep(weight(text) + 64 * len(pieces))
    return pieces


def truncate(budget: Budget, value: Any, length: Any = 255, end: Any = "…") -> str:
    """At most `length` characters; what is cut is shown by `end`."""
    text = _text(budget, value)
    most, tail = _count("truncate", "length", length), _argument("truncate", "end", end)
    if len(text) <= most:
        return text
    return budget.text(text[: max(0, most - len(tail))] + tail[:most])


def slug(budget: Budget, value: Any) -> str:
    """Lower-case ASCII words with hyphens between, for addresses and file names."""
    text = values.text_of(budget, value)[: 5 * MAX_SLUG]
    budget.work(len(text) >> 2)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:MAX_SLUG]


def _encoded(budget: Budget, text: str) -> bytes:
    budget.text(text)
    # Half of a character pair cannot be encoded; '?' keeps the rest.
    return text.encode("utf-8", "replace")


def base64_text(budget: Budget, value: Any, decode: Any = False) -> str:
    """Base64 of the text (UTF-8); with `decode` the other way round."""
    data = _encoded(budget, _text(budget, value))
    budget.work(len(data) >> 8)
    budget.keep(3 * len(data))
    if not decode:
        return base64.b64encode(data).decode("ascii")
    try:
        return storable_text(base64.b64decode(data, validate=True).decode("utf-8"))
    except ValueError as error:
        raise wrong_type("the text is not Base64 of UTF-8 text.") from error


_HASHES = ("sha256", "sha1", "sha512", "md5")


def hash_text(budget: Budget, value: Any, algorithm: Any = "sha256") -> str:
    """Hash of the text (UTF-8) in hexadecimal: sha256, sha1, sha512 or md5."""
    if algorithm not in _HASHES:
        raise wrong_type(f"'hash' knows {', '.join(_HASHES)}.")
    data = _encoded(budget, _text(budget, value))
    budget.work((len(data) >> 7) + 4)
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def urlencode(budget: Budget, value: Any) -> str:
    """Text made safe for an address; an object becomes `key=value&…`."""
    if not isinstance(value, dict):
        return _quoted(budget, value)
    pairs = [f"{_quoted(budget, k)}={_quoted(budget, v)}" for k, v in value.items()]
    return budget.text("&".join(pairs))


def _quoted(budget: Budget, value: Any) -> str:
    data = _encoded(budget, values.text_of(budget, value))
    # Each byte is looked up in Python and may become three characters.
    budget.work((len(data) >> 1) + 2)
    budget.keep(3 * len(data))
    return quote(data, safe="")


_MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def date(budget: Budget, value: Any, format: Any = "%Y-%m-%d") -> str:
    """A moment (ISO 8601 text or Unix seconds) by a pattern of %Y %m %d %H %M %S and the like."""
    pattern = _argument("date", "format", format)
    if len(pattern) > MAX_DATE_FORMAT:
        raise wrong_type(f"'date' takes a format of at most {MAX_DATE_FORMAT} characters.")
    if value is None:
        return ""
    moment = _moment(value)
    # The system's strftime pads without limit ("%999999999d") and speaks its own language.
    parts = {
        "Y": f"{moment.year:04}", "y": f"{moment.year % 100:02}",
        "m": f"{moment.month:02}", "d": f"{moment.day:02}",
        "H": f"{moment.hour:02}", "I": f"{(moment.hour + 11) % 12 + 1:02}",
        "M": f"{moment.minute:02}", "S": f"{moment.second:02}",
        "p": "AM" if moment.hour < 12 else "PM",
        "B": _MONTHS[moment.month - 1], "b": _MONTHS[moment.month - 1][:3],
        "A": _DAYS[moment.weekday()], "a": _DAYS[moment.weekday()][:3],
        "j": f"{moment.timetuple().tm_yday:03}", "z": moment.strftime("%z"), "%": "%",
    }  # fmt: skip
    budget.work(10 + 2 * len(pattern))

    def part(match: re.Match[str]) -> str:
        if match[1] not in parts:
            raise wrong_type(f"'date' does not know %{match[1]}. Known: %{' %'.join(parts)}.")
        return parts[match[1]]

    return re.sub(r"%(.)", part, pattern, flags=re.DOTALL)


def _moment(value: Any) -> datetime:
    try:
        if values.is_number(value):
            return datetime.fromtimestamp(value, tz=UTC)
        if isinstance(value, str) and len(value) <= 100:
            moment = datetime.fromisoformat(value.strip())
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        pass
    shown = f"'{value[:40]}'" if isinstance(value, str) else values.kind(value)
    raise wrong_type(f"{shown} is no date. Give ISO 8601, like 2026-03-01T09:30:00Z.")
