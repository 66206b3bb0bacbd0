"""What tests of the operators' console begin with."""

import pytest
from django.test import Client

from accounts.models import Maintenance, User
from fluxprompt.tests.rows_for_tests import World, one_of_everything


@pytest.fixture
def world(db: None, without_examples: None) -> World:
    """One row of every table, and no maintenance."""
    found = one_of_everything(1)
    Maintenance.objects.all().delete()
    return found


@pytest.fixture
def desk(client: Client, world: World) -> Client:
    """An operator with every right, signed in."""
    client.force_login(User.objects.create_superuser("root@example.com", "x"))
    return client
