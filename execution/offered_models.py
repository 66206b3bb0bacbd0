"""The models that a workspace can call now, as the catalogue and its providers have them."""

from collections.abc import Iterator
from uuid import UUID

from billing.catalogue import Offer, offers
from execution.providers.access import access_for, default_model
from execution.providers.base import Access
from flows.engine.errors import NodeError


def offered(workspace_id: UUID) -> list[Offer]:
    """Those of the catalogue that its providers serve; none where a credential is unreadable."""
    try:
        return offers(access_for(workspace_id).logins.keys())
    except NodeError:
        # A credential that cannot be read is told where a model is called.
        return []


def defaults(workspace_id: UUID) -> Iterator[tuple[str, str]]:
    """The model that each provider is asked for where none is named, and whose key it is.

    `provider/` for a server that has none.
    """
    try:
        access = access_for(workspace_id)
    except NodeError:
        return
    for provider, login in access.logins.items():
        try:
            model = default_model("", Access({provider: login}))
        except NodeError:
            model = f"{provider}/"
        yield model, login.source
