"""Keeps secrets of a file out of everything that is made of it."""

import re
from collections.abc import Iterator
from typing import Any

LEFT_OUT = "[secret left out]"
#: Keys whose values are secrets wherever they stand.
_KEYS = re.compile(
    r"pass(word|phrase|wd)|secret|token$|^token|api[-_]?key|access[-_]?key|private[-_]?key|"
    r"authori[sz]ation|^auth$|cookie|credential|signature$|session[-_]?key|bearer|x-api-key|"
    r"connection[-_]?string|^dsn$",
    re.IGNORECASE,
)
#: Keys that look like the above and hold no secret.
_HARMLESS = re.compile(r"max.?token|token.?(limit|count|budget)|tokens$|nodeCredentialType|type$")
#: Texts that are secrets by their look: keys of providers, tokens, passwords in addresses.
_LOOKS = re.compile(
    r"sk-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{10,}|gh[pousr]_[A-Za-z0-9]{20,}"
    r"|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|AKIA[A-Z0-9]{12,}"
    r"|AIza[A-Za-z0-9_-]{30,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"
    r"|(?<=://)[^/\s:@{}]{1,100}:[^/\s@{}]{1,200}(?=@)|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=[Bb]asic )[A-Za-z0-9+/=]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END[^-]*-----)?"
    r"|(?:hooks\.slack\.com/services/)[A-Za-z0-9/]+"
)
#: Assignments in code and addresses: `api_key = "…"`, `?token=…`.
_ASSIGNED = re.compile(
    r"((?:pass(?:word|wd)|secret|token|api[-_]?key|access[-_]?key)[\w-]*[\"'\\]*\s*[:=]\s*[\"'\\]*)"
    r"([^\s\"'\\&,;{}\[\]()]{6,})",
    re.IGNORECASE,
)
#: A shorter text is no secret, and would be found in other words.
_LEAST = 6


def is_secret_key(key: str) -> bool:
    """Whether what stands under this name is a secret."""
    return bool(_KEYS.search(key)) and not _HARMLESS.search(key)


def secrets_in(data: Any) -> set[str]:
    """Every text of a file that stands under a name of secrets, or in a pair with such a name."""
    found: set[str] = set()
    todo: list[tuple[Any, bool]] = [(data, False)]
    while todo:
        value, secret = todo.pop()
        if isinstance(value, dict):
            named = value.get("key", value.get("name", value.get("variable")))
            pair = (isinstance(named, str) and is_secret_key(named)) or _is_secret_type(value)
            for key, item in value.items():
                own = is_secret_key(key) or (pair and key in ("value", "default"))
                # The name of a credential says which one to connect again.
                todo.append((item, own or (secret and key != "name")))
        elif isinstance(value, list):
            todo += [(item, secret) for item in value]
        elif isinstance(value, str) and secret:
            found.update(_secret_parts(value))
    return found


def _is_secret_type(value: dict[str, Any]) -> bool:
    return value.get("value_type") == "secret" or value.get("type") == "secret"


def _secret_parts(text: str) -> Iterator[str]:
    # What an expression computes is no secret of the file; the rest of the text may be one.
    for piece in re.split(r"\{\{.*?\}\}", text.removeprefix("="), flags=re.DOTALL):
        bare = re.sub(r"^(?:Bearer|Basic|Token)\s+", "", piece.strip(), flags=re.IGNORECASE).strip()
        if len(bare) >= _LEAST and bare.lower() not in ("bearer", "header", "api-key", "no-auth"):
            yield bare


class Scrubber:
    """Takes the secrets of one file out of texts; `count` says how many places it changed."""

    def __init__(self, data: Any) -> None:
        # Longest first, as one may be a part of another.
        known = sorted(secrets_in(data), key=len, reverse=True)[:2_000]
        self._known = re.compile("|".join(map(re.escape, known))) if known else None
        self.count = 0

    def text(self, text: str) -> str:
        """The text with every secret replaced by LEFT_OUT."""
        made = self._known.sub(LEFT_OUT, text) if self._known else text
        made = _LOOKS.sub(LEFT_OUT, made)
        made = _ASSIGNED.sub(lambda found: found[1] + LEFT_OUT, made)
        self.count += made != text
        return made

    def value(self, value: Any) -> Any:
        """The value with all of its texts (and keys) scrubbed."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list) else value
