"""A pytest plugin that gives every session a PostgreSQL of its own.

It is named in `addopts`, because pytest-django reads the settings before any conftest.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fluxprompt.embedded.errors import StackError
from fluxprompt.embedded.postgres import Postgres
from fluxprompt.embedded.processes import spawn

#: Variables of the developer's own copy that must not reach the tests.
_FOREIGN = ("ANTHROPIC_", "OPENAI_", "TEMPORAL_", "EMAIL_URL", "DATABASE_URL", "DJANGO_")
_KEPT = ("FLUX_TEST_", "FLUX_NO_BROWSER")


class _Session:
    """The folder and the server of one pytest session."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fluxtest-"))
        # The database's own account has to pass through it.
        self.folder.chmod(0o711)
        given = os.environ.get("FLUX_TEST_DATABASE_URL")
        self._server = None if given else Postgres(self.folder, throw_away=True)
        self._process: subprocess.Popen[bytes] | None = None
        if self._server is not None:
            try:
                self._server.prepare()
                self._process = spawn(self._server.program())
                self._server.wait_until_ready(self._process)
                self._server.create_database()
            except StackError as error:
                self.close()
                pytest.exit(str(error), returncode=1)
        self.database_url = given or (self._server.url() if self._server else "")

    def close(self) -> None:
        if self._process is not None and self._server is not None:
            self._server.stop(self._process)
        if self._server is not None:
            shutil.rmtree(self._server.sockets, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


_session: _Session | None = None


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Start before pytest-django loads the settings: wrappers run before everything else."""
    global _session
    _session = _Session()
    for name in list(os.environ):
        if name.startswith(("FLUX_", *_FOREIGN)) and not name.startswith(_KEPT):
            del os.environ[name]
    os.environ["DATABASE_URL"] = _session.database_url
    os.environ["FLUX_DATA_DIR"] = str(_session.folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "fluxprompt.testing.settings"
    return (yield)


def pytest_unconfigure() -> None:
    """Stop the server and remove its folder."""
    global _session
    if _session is not None:
        _session.close()
        _session = None
