"""The fixtures of these tests."""

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
