"""Fixtures for every test: a running stack, and how the browser is started."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.test.utils import setup_databases, teardown_databases
from playwright.sync_api import expect
from pytest_django import DjangoDbBlocker

from fluxprompt.testing.chromium import find
from fluxprompt.testing.live_stack import LiveStack
from fluxprompt.testing.plugin import COUNTED


@pytest.fixture(autouse=True)
def nobody_else_is_active() -> None:
    """Workspaces of the tests before are not among those that share the engine."""
    from execution.admission import forget_starts

    forget_starts()


@pytest.fixture(autouse=True)
def operators_changed_nothing() -> None:
    """Settings, switches and plans of the tests before are forgotten; nobody asks for them."""
    from accounts.operators.plans import forget_plans
    from accounts.operators.remembered import assume_fallbacks
    from billing.credits import forget_spent

    forget_plans()
    forget_spent()
    assume_fallbacks()


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Takes a line with figures, which stands at the end of what pytest says."""
    return partial(record_property, COUNTED)


@pytest.fixture
def without_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workspaces start empty: lists hold what the test made, and 0.1 s is saved."""
    monkeypatch.setattr("flows.services.load_examples", lambda actor: [])


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The test database, also for sessions whose tests use it through `stack` only.

    pytest-django's own makes none where no test carries its mark.
    """
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():
        # Kept: the hub's threads may still be connected, and the server goes with its folder.
        teardown_databases(made, verbosity=0, keepdb=True)


@pytest.fixture(scope="session")
def live_stack(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveStack]:
    """Temporal, a worker, a web server and a scripted model server on the test database."""
    with django_db_blocker.unblock(), LiveStack() as stack:
        yield stack


@pytest.fixture
def stack(live_stack: LiveStack, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveStack]:
    """The running stack, with the database open to the test.

    Nothing is rolled back or emptied afterwards: the stack's processes see the same rows. Make
    a workspace of your own in each test.
    """
    with django_db_blocker.unblock():
        live_stack.heal()
        yield live_stack


@pytest.fixture(scope="session", autouse=True)
def pages_have_time() -> None:
    """Playwright waits for 5 s, which a page may take where three test processes share a core."""
    expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The distribution's Chromium; its sandbox does not work as root in containers."""
    quiet = (
        "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
        "--disable-background-networking --disable-component-update"
    )
    return {**browser_type_launch_args, "executable_path": find(), "args": quiet.split()}
