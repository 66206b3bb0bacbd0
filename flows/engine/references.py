"""Large values travel as references; this module knows their shape and how to load them.

A reference is `{"$blob": sha256, "kind": "text"|"json", "size": bytes, "preview": str}`.
"""

from collections.abc import Callable
from typing import Any

from flows.engine.errors import NeedsLoad
from flows.engine.json_values import KEY

type Load = Callable[[dict[str, Any]], Any]


def is_reference(value: Any) -> bool:
    """Whether this value stands for a large value that is stored elsewhere."""
    return type(value) is dict and isinstance(value.get(KEY), str) and "kind" in value


def load_reference(reference: dict[str, Any], load: Load | None) -> Any:
    """The referenced value. Raises NeedsLoad where nothing can be loaded."""
    if load is None:
        raise NeedsLoad(reference)
    return load(reference)


def load_all(value: Any, load: Load | None) -> Any:
    """The value with every reference in it loaded; unchanged parts are shared, not copied."""
    if isinstance(value, dict):
        if is_reference(value):
            return load_all(load_reference(value, load), load)
        loaded = {key: load_all(item, load) for key, item in value.items()}
        return loaded if any(loaded[k] is not value[k] for k in loaded) else value
    if isinstance(value, list):
        items = [load_all(item, load) for item in value]
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value
