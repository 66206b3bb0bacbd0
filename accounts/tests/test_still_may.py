"""What let somebody in is asked again by what stays open."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import ApiKey, Membership, Role, User
from accounts.permissions import Actor, key_actor, still_may, system_actor
from accounts.services import create_api_key, revoke_api_key


def test_a_member_may_until_they_are_removed_or_shut_out(actor: Actor) -> None:
    assert still_may(actor, "run.read")
    User.objects.update(is_active=False)
    assert not still_may(actor, "run.read")
    User.objects.update(is_active=True)
    Membership.objects.all().delete()
    assert not still_may(actor, "run.read")


def test_a_member_whose_role_shrank_may_less(actor: Actor) -> None:
    assert still_may(actor, "flow.edit")
    Membership.objects.update(role=Role.VIEWER)
    assert not still_may(actor, "flow.edit")
    assert still_may(actor, "run.read")


def test_a_key_may_until_it_is_revoked_or_expires(actor: Actor) -> None:
    key, _ = create_api_key(actor, name="ci")
    caller = key_actor(key.workspace_id, key.id, key.name, key.scopes)
    assert still_may(caller, "run.read")
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not still_may(caller, "run.read")
    ApiKey.objects.update(expires_at=None)
    assert still_may(caller, "run.read")
    revoke_api_key(actor, key)
    assert not still_may(caller, "run.read")


def test_the_system_always_may(actor: Actor) -> None:
    assert still_may(system_actor(actor.workspace_id, "test"), "run.read")
