"""Which flows name a credential, and the deletion that asks before it breaks them."""

from accounts import hooks
from accounts.errors import CredentialInUse
from accounts.models import Credential
from accounts.permissions import Actor
from accounts.services import delete_credential


def uses_of(actor: Actor, credential: Credential) -> list[hooks.CredentialUse]:
    """Where flows name it: in drafts and published versions, by flow. Raises PermissionRefused.

    What an expression makes of it cannot be told before it runs.
    """
    actor.require("credential.manage")
    return hooks.credential_uses(credential)


def delete_unused(actor: Actor, credential: Credential, *, even_used: bool = False) -> None:
    """Forget a secret for ever; with `even_used` also where flows name it.

    Raises CredentialInUse, PermissionRefused.
    """
    used = [] if even_used else uses_of(actor, credential)
    if used:
        raise CredentialInUse(list(dict.fromkeys(use.flow_name for use in used)))
    delete_credential(actor, credential)
