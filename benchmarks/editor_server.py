"""What the editor asks of the server, and what it sends over the wire."""

import gzip
import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

from playwright.sync_api import APIResponse, BrowserContext

from benchmarks.stack import ROOT, cpu_seconds

#: Calls of which the median is taken, after one that warms up.
_CALLS = 7
_STATIC = ROOT / "static"
#: What an editor loads later, or never, is imported by a call; the rest by `from`.
_IMPORTED = re.compile(r'(?:from|import)\s*"(\./[^"]+\.js)"')


def page_ms(context: BrowserContext, address: str, web: Sequence[int]) -> tuple[float, float]:
    """Milliseconds until the editor's page has arrived, and of the web processes' CPU for it."""
    _get(context, address)
    began = cpu_seconds(web)
    took = _median_ms(lambda: _get(context, address))
    return took, (cpu_seconds(web) - began) / (_CALLS + 1) * 1_000


def change_ms(context: BrowserContext, address: str, count: int) -> float:
    """Milliseconds until a drag of so many nodes is saved."""
    flow = address.removesuffix("edit/")
    draft = _get(context, f"{flow}draft/").json()
    names = list(draft["document"]["layout"])[:count]
    token = next(one["value"] for one in context.cookies() if one["name"].startswith("flux_csrf_"))
    base = draft["revision"]

    def drag() -> APIResponse:
        nonlocal base
        x = 10 * (base % 50)
        ops = [{"op": "place", "node": name, "place": {"x": x, "y": 10}} for name in names]
        change = {"id": str(uuid4()), "label": "Move", "ops": ops}
        body: dict[str, Any] = {"tab": str(uuid4()), "base": base, "changes": [change]}
        answer = context.request.post(
            f"{flow}changes/",
            data=json.dumps(body),
            headers={"X-CSRFToken": token, "Content-Type": "application/json", "Referer": address},
        )
        assert answer.ok, answer.text()
        base = answer.json()["revision"]
        return answer

    return _median_ms(drag)


def weights(context: BrowserContext, address: str) -> dict[str, float]:
    """Compressed kilobytes of the page's HTML, scripts (all that it starts with) and styles."""
    html = _get(context, address).body()
    scripts = _with_imports(_STATIC / "build" / name for name in ("editor.js", "app.js"))
    return {
        "html": _packed(html),
        "scripts": sum(_packed(path.read_bytes()) for path in scripts),
        "styles": _packed((_STATIC / "build" / "app.css").read_bytes()),
        "html_plain": len(html) / 1_000,
    }


def _with_imports(entries: Any) -> set[Path]:
    found: set[Path] = set()
    todo = list(entries)
    while todo:
        path = todo.pop().resolve()
        if path in found:
            continue
        found.add(path)
        todo += [path.parent / name for name in _IMPORTED.findall(path.read_text())]
    return found


def _packed(content: bytes) -> float:
    return len(gzip.compress(content, 6)) / 1_000


def _get(context: BrowserContext, address: str) -> APIResponse:
    answer = context.request.get(address)
    assert answer.ok, f"{address}: {answer.status}"
    return answer


def _median_ms(call: Callable[[], object]) -> float:
    call()
    took = []
    for _ in range(_CALLS):
        began = time.perf_counter()
        call()
        took.append((time.perf_counter() - began) * 1_000)
    return median(took)
