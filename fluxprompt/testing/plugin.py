"""A pytest plugin that gives every session a PostgreSQL of its own.

It is named in `addopts`, because pytest-django reads the settings before any conftest.
"""

import gc
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fluxprompt.embedded.errors import StackError
from fluxprompt.testing.throw_away import throw_away_folder, throw_away_postgres

#: Variables of the developer's own copy that must not reach the tests.
_FOREIGN = ("FLUX_", "ANTHROPIC_", "OPENAI_", "TEMPORAL_", "EMAIL_URL", "DATABASE_URL", "DJANGO_")
_KEPT = ("FLUX_TEST_", "FLUX_NO_BROWSER", "FLUX_CHROMIUM", "FLUX_BOOTSTRAP")
#: Each gets a free port, so that a stack under test meets nobody else's.
_PORTS = ("FLUX_PORT", "TEMPORAL_PORT", "TEMPORAL_UI_PORT")
#: What a test's report calls the lines that it wants to be read.
COUNTED = "counted"
_BROWSER_FIXTURES = {"page", "context", "browser", "new_context"}

_session = ExitStack()
_left_out: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Start before pytest-django loads the settings: wrappers run before everything else."""
    # Each process of several has a server of its own: some tests stop it.
    shared = "PYTEST_XDIST_WORKER" not in os.environ
    given = os.environ.get("FLUX_TEST_DATABASE_URL") if shared else None
    try:
        folder = _session.enter_context(throw_away_folder())
        url = given or _session.enter_context(throw_away_postgres(folder))
    except StackError as error:
        _session.close()
        pytest.exit(str(error), returncode=1)
    for name in list(os.environ):
        if name.startswith(_FOREIGN) and not name.startswith(_KEPT):
            del os.environ[name]
    os.environ["DATABASE_URL"] = url
    os.environ["FLUX_DATA_DIR"] = str(folder)
    # Where collected files would be; whitenoise warns of its absence at every client.
    (folder / "static").mkdir()
    os.environ["DJANGO_SETTINGS_MODULE"] = "fluxprompt.testing.settings"
    os.environ |= {name: str(port) for name, port in zip(_PORTS, free_ports(3), strict=True)}
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register the fixtures after pytest-playwright's, which one of them overrides."""
    from fluxprompt.testing import fixtures

    config.pluginmanager.register(fixtures, "fluxprompt-fixtures")
    if config.pluginmanager.hasplugin("xdist"):
        from fluxprompt.testing import sharing

        config.pluginmanager.register(sharing, "fluxprompt-sharing")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Browser tests come last, and are left out where there is no browser.

    Last, because Playwright's sync interface keeps an event loop running in this thread.
    """
    browser = [item for item in items if _BROWSER_FIXTURES & set(getattr(item, "fixturenames", ()))]
    items[:] = [item for item in items if item not in browser]
    if not os.environ.get("FLUX_NO_BROWSER"):
        items += browser
    elif browser:
        config.hook.pytest_deselected(items=browser)
        _left_out.extend(item.nodeid for item in browser)


def pytest_collection_finish() -> None:
    """Leave the tests themselves out of what is searched for garbage: a tenth of the time."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what tests have counted, and name what did not run."""
    if counted := list(_counted(terminalreporter)):
        terminalreporter.section("counted")
        for line in counted:
            terminalreporter.line(line)
    if _left_out:
        terminalreporter.section("left out: no Chromium")
        for name in _left_out:
            terminalreporter.line(name)


def _counted(terminalreporter: pytest.TerminalReporter) -> Iterator[str]:
    """What was handed to the fixture `counted`, also in other processes."""
    reports = (report for found in terminalreporter.stats.values() for report in found)
    for report in reports:
        if isinstance(report, pytest.TestReport) and report.when == "call":
            yield from (str(line) for name, line in report.user_properties if name == COUNTED)


def pytest_unconfigure() -> None:
    """Stop the server and remove its folder."""
    _session.close()


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses, found together so that they differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
