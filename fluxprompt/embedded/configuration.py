"""What `up` reads from the environment, checked before anything starts."""

import contextlib
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from fluxprompt.embedded.errors import StackError
from fluxprompt.paths import data_dir, embedded_database_url, forget_other_databases

MOST_SECONDS = 86_400


def _number(name: str, default: int, *, most: int = 65535) -> int:
    text = os.environ.get(name, "").strip() or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise StackError(f"{name} must be a number from 1 to {most}, not “{text}”.")
    return int(text)


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name, "").strip() or str(default)
    with contextlib.suppress(ValueError):
        if 0 <= (seconds := float(text)) <= MOST_SECONDS:
            return seconds
    raise StackError(f"{name} must be a number of seconds, at most {MOST_SECONDS}, not “{text}”.")


def _text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


@dataclass(frozen=True)
class Configuration:
    """Addresses, folders and counts of one copy."""

    data: Path = field(default_factory=data_dir)
    host: str = field(default_factory=lambda: _text("FLUX_HOST", "127.0.0.1"))
    port: int = field(default_factory=lambda: _number("FLUX_PORT", 8000))
    temporal_port: int = field(default_factory=lambda: _number("TEMPORAL_PORT", 7233))
    temporal_ui_port: int = field(default_factory=lambda: _number("TEMPORAL_UI_PORT", 8233))
    local_model_port: int = field(default_factory=lambda: _number("FLUX_LOCAL_MODEL_PORT", 8234))
    workers: int = field(default_factory=lambda: _number("FLUX_WORKERS", 1, most=64))
    given_database: str = field(default_factory=lambda: _text("DATABASE_URL"))
    given_temporal: str = field(default_factory=lambda: _text("TEMPORAL_ADDRESS"))
    namespace: str = field(default_factory=lambda: _text("TEMPORAL_NAMESPACE", "default"))
    #: What a worker has for its calls in flight: less than by itself, for a person waits.
    drain_seconds: float = field(default_factory=lambda: _seconds("FLUX_DRAIN_SECONDS", 8))

    @property
    def database_url(self) -> str:
        """The database's address, embedded or given."""
        return self.given_database or embedded_database_url(self.data)

    @property
    def local_address(self) -> str:
        """Where this machine reaches the web server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{host}:{self.port}"

    @property
    def public_url(self) -> str:
        """Where people reach the web server."""
        return _text("FLUX_PUBLIC_URL", self.local_address).rstrip("/")

    @property
    def local_model_url(self) -> str:
        """The local model's OpenAI-compatible base address."""
        return f"http://127.0.0.1:{self.local_model_port}/v1"

    @property
    def temporal_ui_url(self) -> str:
        """Where the operator reaches Temporal's own pages."""
        return f"http://127.0.0.1:{self.temporal_ui_port}"

    def use_own_database(self) -> None:
        """Keep variables that are meant for other databases from the embedded one."""
        if not self.given_database:
            forget_other_databases()

    def log(self, name: str) -> Path:
        """The log of a child process."""
        return self.data / "logs" / f"{name}.log"

    @property
    def worker_settings(self) -> str:
        """A worker's own settings, unless others than the usual were chosen."""
        chosen = _text("DJANGO_SETTINGS_MODULE", "fluxprompt.settings")
        return "fluxprompt.worker_settings" if chosen == "fluxprompt.settings" else chosen

    def child_environment(self, **more: str) -> dict[str, str]:
        """The environment of our own Python children."""
        return {
            **os.environ,
            "FLUX_DATA_DIR": str(self.data),
            "DJANGO_SETTINGS_MODULE": _text("DJANGO_SETTINGS_MODULE", "fluxprompt.settings"),
            # Everything is installed by now; a child must not begin to install.
            "FLUX_BOOTSTRAP": "0",
            "PYTHONUNBUFFERED": "1",
            **more,
        }


def python(*arguments: str) -> list[str]:
    """A command line of this Python."""
    return [sys.executable, *arguments]
