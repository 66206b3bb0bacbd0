"""The fixtures of the API's tests, for those of runs."""

from flows.tests.fixtures import (  # noqa: F401
    actor,
    anonymous,
    api,
    make_api,
    owner,
    stranger,
    without_examples,
    workspace,
)
