"""What other apps want done when something happens here, since accounts may not import them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal
    from uuid import UUID

    from accounts.models import Credential, Plan, User, Workspace


@dataclass(frozen=True)
class CredentialUse:
    """Nodes of a flow's draft (`version` None) or published version that name a credential."""

    flow_id: "UUID"
    flow_name: str
    version: int | None
    nodes: tuple[str, ...]
    by_name: bool


type CredentialUses = Callable[["Credential"], list[CredentialUse]]
type SpentByKeys = Callable[[Collection["UUID"]], Mapping["UUID", "Decimal"]]
type WorkspaceCreated = Callable[["Workspace", "User"], None]
type WorkspaceClosing = Callable[["Workspace"], None]
type MembershipEnded = Callable[["Workspace", "User"], None]
type PersonDeleted = Callable[["User"], None]
type PlanChanged = Callable[["Plan | None", list["UUID"]], None]
#: What somebody made, for themselves to read: `id`, `name` and the like.
type Made = Mapping[str, object]
type MadeBy = Callable[["User", Collection["UUID"], int], Mapping[str, Sequence[Made]]]

_workspace_created: list[WorkspaceCreated] = []
_workspace_closing: list[WorkspaceClosing] = []
_membership_ended: list[MembershipEnded] = []
_person_deleted: list[PersonDeleted] = []
_plan_changed: list[PlanChanged] = []
_made_by: list[MadeBy] = []
_spent_by_keys: list[SpentByKeys] = []
_credential_uses: list[CredentialUses] = []


def on_workspace_created(function: WorkspaceCreated) -> WorkspaceCreated:
    """Call `function(workspace, owner)` within the transaction that makes a workspace.

    What it raises undoes the workspace. Usable as a decorator; registering twice counts once.
    """
    if function not in _workspace_created:
        _workspace_created.append(function)
    return function


def workspace_created(workspace: "Workspace", owner: "User") -> None:
    """Tell everyone who registered, in the order of registration."""
    for function in _workspace_created:
        function(workspace, owner)


def on_workspace_closing(function: WorkspaceClosing) -> WorkspaceClosing:
    """Call `function(workspace)` within the transaction that deletes a workspace, before it does.

    What lies outside of the database is done by `transaction.on_commit`. Usable as a decorator;
    registering twice counts once.
    """
    if function not in _workspace_closing:
        _workspace_closing.append(function)
    return function


def workspace_closing(workspace: "Workspace") -> None:
    """Tell everyone who registered: the last ones, who build on the others, first."""
    for function in reversed(_workspace_closing):
        function(workspace)


def on_membership_ended(function: MembershipEnded) -> MembershipEnded:
    """Call `function(workspace, user)` within the transaction that takes somebody out of it."""
    if function not in _membership_ended:
        _membership_ended.append(function)
    return function


def membership_ended(workspace: "Workspace", user: "User") -> None:
    """Tell everyone who registered, in the order of registration."""
    for function in _membership_ended:
        function(workspace, user)


def on_person_deleted(function: PersonDeleted) -> PersonDeleted:
    """Call `function(user)` within the transaction that deletes an account, before it is gone.

    For what holds their name or address beside a reference, which becomes empty by itself.
    """
    if function not in _person_deleted:
        _person_deleted.append(function)
    return function


def person_deleted(user: "User") -> None:
    """Tell everyone who registered, in the order of registration."""
    for function in _person_deleted:
        function(user)


def on_plan_changed(function: PlanChanged) -> PlanChanged:
    """Call `function(plan, workspace ids)` within the transaction that changes what these may use.

    The plan is the one they are on from then on; None: no limits.
    """
    if function not in _plan_changed:
        _plan_changed.append(function)
    return function


def plan_changed(plan: "Plan | None", workspaces: list["UUID"]) -> None:
    """Tell everyone who registered, in the order of registration."""
    for function in _plan_changed:
        function(plan, workspaces)


def tells_what_people_made(function: MadeBy) -> MadeBy:
    """`function(user, workspace ids, most)` says by kind what they made there, the newest first."""
    if function not in _made_by:
        _made_by.append(function)
    return function


def made_by(user: "User", workspaces: Collection["UUID"], most: int) -> dict[str, Sequence[Made]]:
    """What all apps tell, by kind; `most` of each."""
    found: dict[str, Sequence[Made]] = {}
    for function in _made_by:
        found |= function(user, workspaces, most)
    return found


def tells_what_keys_spent(function: SpentByKeys) -> SpentByKeys:
    """`function(key ids)` says what runs of these keys have cost this month, in US dollars."""
    _spent_by_keys[:] = [function]
    return function


def spent_by_keys(keys: Collection["UUID"]) -> Mapping["UUID", "Decimal"]:
    """US dollars of this calendar month (UTC) by key; a key that spent nothing is left out."""
    return _spent_by_keys[0](keys) if keys and _spent_by_keys else {}


def tells_who_uses_credentials(function: CredentialUses) -> CredentialUses:
    """`function(credential)` says which nodes of flows name it."""
    _credential_uses[:] = [function]
    return function


def credential_uses(credential: "Credential") -> list[CredentialUse]:
    """Where flows name a credential; nowhere while no app told of itself."""
    return _credential_uses[0](credential) if _credential_uses else []
