"""One line that says what a node is set to do, from its raw config and for any type."""

from collections.abc import Mapping
from typing import Any

#: Config keys in the order of what tells most; the first that holds text is shown.
_TELLING = (
    "url", "prompt", "condition", "template", "text", "source", "expression", "query", "message",
    "value", "items", "name", "mode", "tool", "model",
)  # fmt: skip
_LONGEST = 160


def summary(config: Mapping[str, Any]) -> str:
    """The telling line, or nothing for a config that says nothing."""
    for key in _TELLING:
        line = _line(config.get(key))
        if line:
            method = config.get("method")
            return f"{method} {line}" if key == "url" and isinstance(method, str) else line
    fields = config.get("fields") or config.get("cases") or config.get("labels")
    return _names(fields)


def _line(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return _names(value)
    if isinstance(value, bool) or value is None:
        return ""
    return " ".join(str(value).split())[:_LONGEST]


def _names(value: Any) -> str:
    if isinstance(value, Mapping):
        names = [str(name) for name in value]
    elif isinstance(value, list):
        names = [
            str(item["name"]) for item in value if isinstance(item, Mapping) and "name" in item
        ]
    else:
        return ""
    return ", ".join(names)[:_LONGEST]
