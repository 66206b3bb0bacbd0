"""The one table of who may do what, and the actor every service takes first."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts.models import ApiKey, Membership, Role, User, Workspace

READ = frozenset(
    {
        "flow.read",
        "run.read",
        "file.read",
        "knowledge.read",
        "workspace.read",
        "usage.read",
        "member.read",
    }
)
#: `run.approve`: what nobody in particular is asked to decide. Who is named decides in any role.
RUN = frozenset({"run.start", "run.cancel", "run.approve", "file.write", "file.delete"})
FLOWS = frozenset({"flow.create", "flow.edit", "flow.publish", "flow.delete"})
BUILD = FLOWS | {"knowledge.edit"}
MANAGE = frozenset(
    {
        "key.manage",
        "credential.manage",
        "variable.manage",
        "member.manage",
        "workspace.edit",
        "audit.read",
        # Private flows of others too.
        "flow.all",
    }
)
OWN = frozenset({"workspace.delete", "workspace.transfer"})

ROLE_ACTIONS: dict[str, frozenset[str]] = {
    Role.VIEWER: READ,
    Role.BUILDER: READ | RUN | BUILD,
    Role.ADMIN: READ | RUN | BUILD | MANAGE,
    Role.OWNER: READ | RUN | BUILD | MANAGE | OWN,
}
ALL_ACTIONS = ROLE_ACTIONS[Role.OWNER]

#: What a key may be given, and the actions each scope allows.
SCOPE_ACTIONS: dict[str, frozenset[str]] = {
    "flows:read": frozenset({"flow.read", "workspace.read"}),
    "flows:write": frozenset({"flow.read", "workspace.read"}) | FLOWS,
    # Files are what runs are given and what they make.
    "runs:read": frozenset({"run.read", "file.read", "workspace.read"}),
    # Without approving: a key that starts runs may not let them pass as well.
    "runs:write": frozenset({"run.read", "file.read", "workspace.read", "flow.read"})
    | RUN - {"run.approve"},
    "approvals:write": frozenset({"run.read", "workspace.read", "run.approve"}),
    "knowledge:read": frozenset({"knowledge.read", "workspace.read"}),
    "knowledge:write": frozenset({"knowledge.read", "knowledge.edit", "workspace.read"}),
    "usage:read": frozenset({"usage.read", "workspace.read"}),
    "credentials:write": frozenset({"credential.manage", "workspace.read"}),
    "variables:write": frozenset({"variable.manage", "workspace.read"}),
    "keys:write": frozenset({"key.manage", "workspace.read"}),
    "audit:read": frozenset({"audit.read", "workspace.read"}),
    "members:read": frozenset({"member.read", "workspace.read"}),
    "members:write": frozenset({"member.read", "member.manage", "workspace.read"}),
}
#: Scopes that manage the workspace: a key has them only where somebody chose them.
MANAGING_SCOPES = frozenset(
    {
        "credentials:write",
        "variables:write",
        "keys:write",
        "audit:read",
        "members:read",
        "members:write",
    }
)
DEFAULT_SCOPES = tuple(scope for scope in SCOPE_ACTIONS if scope not in MANAGING_SCOPES)


def _scope_hint(action: str) -> str:
    scopes = [scope for scope, actions in SCOPE_ACTIONS.items() if action in actions]
    if not scopes:
        return "No key may; a member of the workspace does it in the browser."
    return f"Use a key with the scope {' or '.join(scopes)}."


def can(role: str, action: str) -> bool:
    """Whether a member with this role may do this."""
    return action in ROLE_ACTIONS.get(role, frozenset())


class PermissionRefused(Exception):
    """The actor may see the object but not do this with it."""

    code = "permission_refused"

    def __init__(self, action: str, message: str) -> None:
        super().__init__(message)
        self.action = action
        self.message = message


@dataclass(frozen=True)
class Actor:
    """Who asks, in which workspace: a member, an API key, or the system itself."""

    workspace_id: UUID
    label: str
    actions: frozenset[str] = field(repr=False)
    user_id: UUID | None = None
    api_key_id: UUID | None = None
    scopes: tuple[str, ...] = ()
    #: Whether its key may have a budget; False where it is known to have none.
    has_budget: bool = True
    #: Whose private flows it sees beside those that everybody may: the member's, or of a key those
    #: of who made it.
    person_id: UUID | None = None
    #: The member's address in small letters: what names them as who decides.
    email: str = ""
    #: What it may in the workspace, where `actions` are what it may do with one flow.
    everywhere: frozenset[str] | None = field(default=None, repr=False)

    def can(self, action: str) -> bool:
        return action in self.actions

    def require(self, action: str) -> None:
        """Raises PermissionRefused with a sentence that says what would help."""
        if action in self.actions:
            return
        if self.api_key_id:
            raise PermissionRefused(
                action,
                f"This API key may not do '{action}'. {_scope_hint(action)}",
            )
        raise PermissionRefused(
            action, f"Your role does not allow '{action}'. Ask an owner or admin of the workspace."
        )


def member_actor(user: User, workspace: Workspace) -> Actor | None:
    """The actor for a signed-in person in a workspace; None when they are no member."""
    membership = Membership.objects.filter(user=user, workspace=workspace).first()
    if membership is None:
        return None
    return as_member(membership, user)


def as_member(membership: Membership, user: User) -> Actor:
    """The actor of a person in the workspace of their membership."""
    return Actor(
        membership.workspace_id,
        str(user),
        ROLE_ACTIONS[membership.role],
        user_id=user.id,
        person_id=user.id,
        email=user.email.lower(),
    )


def key_actor(
    workspace_id: UUID,
    key_id: UUID,
    name: str,
    scopes: Iterable[str],
    *,
    role: str | None = None,
    maker: UUID | None = None,
    has_budget: bool = True,
) -> Actor:
    """The actor for a request made with an API key.

    `role`: that of who made it (`maker`), now: no key may more than they may, and of private flows
    it sees theirs. None: nobody made it.
    """
    granted = tuple(scope for scope in scopes if scope in SCOPE_ACTIONS)
    actions = frozenset[str]().union(*(SCOPE_ACTIONS[scope] for scope in granted))
    if role is not None:
        actions &= ROLE_ACTIONS[role]
    if role is None or can(role, "flow.all"):
        actions |= {"flow.all"}
    return Actor(
        workspace_id,
        f"key {name}",
        actions,
        api_key_id=key_id,
        scopes=granted,
        has_budget=has_budget,
        person_id=maker,
    )


def system_actor(workspace_id: UUID, label: str = "system") -> Actor:
    """The platform itself, acting for a workspace (triggers, commands, operators)."""
    return Actor(workspace_id, label, ALL_ACTIONS)


def still_may(actor: Actor, action: str) -> bool:
    """Whether what let this actor in still holds: asked again by what stays open for long."""
    if not actor.can(action):
        return False
    if actor.api_key_id is not None:
        key = usable_keys().filter(id=actor.api_key_id).annotate(role=_role_of_maker()).first()
        return key is not None and (key.created_by_id is None or can(key.role, action))
    if actor.user_id is None:
        return True
    membership = Membership.objects.filter(
        user_id=actor.user_id, workspace_id=actor.workspace_id, user__is_active=True
    ).first()
    return membership is not None and action in ROLE_ACTIONS[membership.role]


def usable_keys() -> QuerySet[ApiKey]:
    """Keys that are neither revoked nor expired, and whose maker is a member who may sign in."""
    alive = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    theirs = Q(created_by=None) | (Q(created_by__is_active=True) & Exists(_membership_of_maker()))
    return ApiKey.objects.filter(alive, theirs, revoked_at=None)


def _membership_of_maker() -> QuerySet[Membership]:
    return Membership.objects.filter(workspace=OuterRef("workspace"), user=OuterRef("created_by"))


def _role_of_maker() -> Subquery:
    return Subquery(_membership_of_maker().values("role"))
