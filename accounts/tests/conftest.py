"""People and workspaces for these tests."""

import pytest

from accounts.models import User, Workspace
from accounts.permissions import Actor, member_actor
from accounts.services import create_workspace

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
