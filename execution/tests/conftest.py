"""The fixtures of the API's tests, for those of runs."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from execution import egress
from execution.tests.approvals_for_tests import woken  # noqa: F401
from execution.tests.pages_for_tests import dispatched, flow  # noqa: F401
from flows.tests.fixtures import (  # noqa: F401
    actor,
    anonymous,
    api,
    make_api,
    owner,
    stranger,
    visitor,
    workspace,
)


@pytest.fixture
def models(stack: Any, settings: Any) -> None:
    """This process carries inline runs out, so it needs what workers know of models."""
    for name, value in stack.model_environment().items():
        setattr(settings, name, [value] if name == "FLUX_ALLOW_HOSTS" else value)


@pytest.fixture
async def loopback(settings: Any) -> AsyncIterator[None]:
    """Calls may go to servers of the test; what is kept open to them is closed after it."""
    settings.FLUX_ALLOW_HOSTS = ["127.0.0.1"]
    yield
    await egress.close_connections()
