"""The table of roles as people read it, from the one table of `accounts.permissions`."""

from dataclasses import dataclass

from accounts.models import Role
from accounts.permissions import can

#: What people read, and the action that decides whether a role has it.
WORDS = (
    ("See flows, runs, files, knowledge and members", "flow.read"),
    ("Start and cancel runs, upload files, decide approvals that name nobody", "run.start"),
    ("Make, change, publish and delete flows and knowledge", "flow.edit"),
    ("Manage credentials, variables and API keys, read the audit trail", "credential.manage"),
    ("Invite and remove people, change their roles", "member.manage"),
    ("See and change every private flow", "flow.all"),
    ("Rename the workspace, set its defaults", "workspace.edit"),
    ("Make others owner, hand the workspace over, delete it", "workspace.delete"),
)
ORDER = (Role.OWNER, Role.ADMIN, Role.BUILDER, Role.VIEWER)


@dataclass(frozen=True)
class Line:
    """One thing to do, and for each role of ORDER whether it may."""

    words: str
    allowed: tuple[bool, ...]


@dataclass(frozen=True)
class RolesTable:
    """The roles, the most powerful first, and what they may."""

    roles: tuple[str, ...]
    lines: tuple[Line, ...]


def roles_table() -> RolesTable:
    """As the table of permissions has it now."""
    lines = [Line(words, tuple(can(role, action) for role in ORDER)) for words, action in WORDS]
    return RolesTable(tuple(role.label for role in ORDER), tuple(lines))
