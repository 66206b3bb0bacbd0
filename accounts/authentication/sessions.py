"""Where people are signed in: their sessions, by what browser, and how they end."""

import re
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.utils.crypto import constant_time_compare

from accounts.models import User

_BROWSERS = (
    (re.compile(r"Edg(e|A|iOS)?/"), "Edge"),
    (re.compile(r"OPR/|Opera"), "Opera"),
    (re.compile(r"Firefox/|FxiOS/"), "Firefox"),
    (re.compile(r"Chrome/|CriOS/|Chromium/"), "Chrome"),
    (re.compile(r"Safari/"), "Safari"),
)
_SYSTEMS = (
    (re.compile(r"iPhone"), "iPhone"),
    (re.compile(r"iPad"), "iPad"),
    (re.compile(r"Android"), "Android"),
    (re.compile(r"Windows"), "Windows"),
    (re.compile(r"Macintosh|Mac OS X"), "macOS"),
    (re.compile(r"CrOS"), "ChromeOS"),
    (re.compile(r"Linux"), "Linux"),
)


@dataclass(frozen=True)
class SignedIn:
    """One place where a person is signed in."""

    id: int
    browser: str
    ip: str
    since: datetime
    is_this: bool


def sessions_of(user: User, current: str | None) -> list[SignedIn]:
    """The person's sessions that are still good, the newest first; `current` is this one's key."""
    from allauth.usersessions.models import UserSession

    rows = sorted(UserSession.objects.purge_and_list(user), key=lambda row: row.created_at)
    return [
        SignedIn(
            row.pk,
            browser_name(row.user_agent),
            row.ip,
            row.created_at,
            row.session_key == current,
        )
        for row in reversed(rows)
    ]


def end_sessions(user: User, *, keep: str | None = None, only: int | None = None) -> int:
    """Sign the person out wherever they are; not from the session with the key `keep`.

    `only` is the id of the one session that is to end. Says how many ended. Sockets that were
    opened by them close at their next look.
    """
    from allauth.usersessions.models import UserSession

    rows = UserSession.objects.filter(user=user).exclude(session_key=keep or "")
    ending = list(rows if only is None else rows.filter(pk=only))
    for row in ending:
        row.end()
    return len(ending)


def is_live(session: Any) -> bool:
    """Whether a session that something was opened with would still let its person in.

    A changed password ends sessions without deleting them: their hash is of the old one.
    """
    key = session.session_key if session is not None else None
    if not key:
        return False
    stored = _store(key).load()
    user = User.objects.filter(pk=stored.get(SESSION_KEY), is_active=True).first()
    if user is None:
        return False
    given = str(stored.get(HASH_SESSION_KEY, ""))
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(given, known) for known in hashes)


def _store(key: str) -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def browser_name(user_agent: str) -> str:
    """What a browser says of itself in two words, as in "Firefox on Linux"."""
    name = next((name for pattern, name in _BROWSERS if pattern.search(user_agent)), "")
    system = next((name for pattern, name in _SYSTEMS if pattern.search(user_agent)), "")
    if name and system:
        return f"{name} on {system}"
    return name or system or user_agent[:60] or "An unknown browser"
