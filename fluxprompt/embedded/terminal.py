"""What `up` says to the person who typed it."""

import re
import sys
import time
from pathlib import Path

_LOUD = re.compile(r"\b(ERROR|CRITICAL)\b")
_WIDTH = 220


def say(text: str) -> None:
    """A line with the time of day."""
    line(f"{time.strftime('%H:%M:%S')}  {text}")


def step(name: str, state: str, seconds: float | None = None) -> None:
    """A line of the start: what, how it is, how long it took."""
    took = "" if seconds is None else f"{seconds:5.1f} s"
    line(f"  {name:<18} {state:<12} {took}".rstrip())


def line(text: str = "") -> None:
    """A plain line; a terminal that went away stops nothing."""
    try:
        print(text, flush=True)
    except (BrokenPipeError, OSError):
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115 - kept open from here on


class LoudLines:
    """Reads what children add to their logs and hands out the lines that report errors."""

    def __init__(self, logs: dict[str, Path]) -> None:
        self._logs = logs
        self._read = {name: _size(path) for name, path in logs.items()}

    def new(self) -> list[str]:
        """Lines since the last call, at most five a log."""
        found = []
        for name, path in self._logs.items():
            size = _size(path)
            start = self._read[name] if size >= self._read[name] else 0
            if size == start:
                continue
            with path.open("rb") as file:
                file.seek(start)
                text = file.read(1_000_000).decode(errors="replace")
            self._read[name] = size
            loud = [text for text in text.splitlines() if _LOUD.search(text)]
            found += [f"{name}: {text[:_WIDTH]}" for text in loud[:5]]
            if len(loud) > 5:
                found.append(f"{name}: … and {len(loud) - 5} more in {path}")
        return found


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
