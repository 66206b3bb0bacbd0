"""People and workspaces for these tests."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from pytest_django import Settings

from accounts.authentication.providers import SignInProvider, configured
from accounts.models import User, Workspace
from accounts.permissions import Actor, member_actor
from accounts.services import create_workspace
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider

PASSWORD = "correct horse battery"


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("ada@example.com", PASSWORD, name="Ada")


@pytest.fixture
def workspace(owner: User, without_examples: None) -> Workspace:
    return create_workspace(owner, name="Analytical Engines")


@pytest.fixture
def actor(owner: User, workspace: Workspace) -> Actor:
    found = member_actor(owner, workspace)
    assert found is not None
    return found


@pytest.fixture
def other_workspace(db: None, without_examples: None) -> Workspace:
    other = User.objects.create_user("eve@example.com", PASSWORD, name="Eve")
    return create_workspace(other, name="Elsewhere")


@pytest.fixture
def provider(db: None, settings: Settings) -> Iterator[IdentityProvider]:
    """A provider of sign-ins, which is offered."""
    cache.clear()
    with IdentityProvider() as listening:
        offered = SignInProvider("sso", "Acme", CLIENT_ID, CLIENT_SECRET, listening.url)
        settings.FLUX_PROVIDERS = (offered,)
        settings.SOCIALACCOUNT_PROVIDERS = configured(settings.FLUX_PROVIDERS)
        yield listening


@pytest.fixture
def open_door(settings: Settings) -> None:
    settings.FLUX_SIGNUP = "open"
