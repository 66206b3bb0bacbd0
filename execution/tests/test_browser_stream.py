"""A stream of events that a browser reads ends with the session that it was opened by."""

from types import SimpleNamespace
from typing import Any

from django.test import Client

from accounts.models import User, Workspace
from accounts.permissions import Actor, member_actor, system_actor
from execution.api.views import EventsView


def _may(actor: Actor, session: Any) -> bool:
    view = EventsView()
    request: Any = SimpleNamespace(user=actor, _request=SimpleNamespace(session=session))
    view.request = request
    return view._still_may()


def test_a_browser_reads_on_while_it_is_signed_in(
    owner: tuple[User, Workspace], client: Client
) -> None:
    user, workspace = owner
    actor = member_actor(user, workspace)
    assert actor is not None
    client.force_login(user)
    session = client.session
    assert _may(actor, session)
    user.set_password("n3w battery x")
    user.save()
    assert not _may(actor, session)
    assert not _may(system_actor(workspace.id), None)
