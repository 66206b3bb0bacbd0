"""The fixtures of the API's tests, for those of files."""

from execution.tests.approvals_for_tests import woken  # noqa: F401
from execution.tests.pages_for_tests import dispatched  # noqa: F401
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
