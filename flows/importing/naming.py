"""Names of tools, flows, collections and credentials that the reader has to make here."""

import re
from typing import Any

from flows.engine.model_memory import MOST_TURNS
from flows.importing.draft import valid_id
from flows.importing.source import words


def tool_name(name: str) -> str:
    """A name as models take it for a tool."""
    made = re.sub(r"[^A-Za-z0-9_-]+", "_", name.strip()).strip("_")[:60]
    return made or "tool"


def slug(name: str, default: str) -> str:
    """A name as a slug of a flow or collection."""
    return valid_id(name).replace("_", "-") if name.strip() else default


def credential(name: Any, default: str) -> str:
    """The name of a credential that has to be stored here."""
    return (words(name).strip() or default)[:200]


def turns(count: float | None, default: int) -> dict[str, int]:
    """The setting `memory` for so many turns."""
    return {"turns": max(1, min(int(count or default), MOST_TURNS))}
