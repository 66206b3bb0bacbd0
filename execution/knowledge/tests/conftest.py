"""A scripted server of embeddings, for tests of knowledge."""

from collections.abc import Iterator
from typing import Any

import pytest

from execution.providers.access import forget_access
from execution.tests.conftest import (  # noqa: F401
    actor,
    anonymous,
    api,
    make_api,
    models,
    owner,
    stranger,
    visitor,
    workspace,
)
from tests.support.model_server import ModelServer


@pytest.fixture
def server(settings: Any) -> Iterator[ModelServer]:
    """The operator's OpenAI-compatible server, of this test alone."""
    with ModelServer() as running:
        settings.OPENAI_BASE_URL = f"{running.url}/v1"
        settings.OPENAI_API_KEY = "scripted"
        settings.FLUX_ALLOW_HOSTS = ["127.0.0.1"]
        forget_access()
        yield running
    forget_access()
