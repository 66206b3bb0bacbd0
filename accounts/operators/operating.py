"""Who operates the installation: what services that belong to no workspace take first."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import models

from accounts.models import AuditEvent, User
from accounts.permissions import PermissionRefused
from accounts.services import record_audit


@dataclass(frozen=True)
class Operator:
    """An operator, or the person at the machine's command line; rights are Django's."""

    label: str
    user_id: UUID | None = None
    may: Callable[[str], bool] = field(repr=False, default=lambda right: False)

    def require(self, right: str) -> None:
        """Raises PermissionRefused with a sentence that says what would help."""
        if not self.may(right):
            raise PermissionRefused(
                right, f"Your rights as an operator do not include '{right}'. Ask a superuser."
            )

    def audit(
        self,
        action: str,
        target: models.Model,
        *,
        workspace_id: UUID | None = None,
        **details: Any,
    ) -> AuditEvent:
        """Write what was done to what. Called by the service that does it, in its transaction."""
        return record_audit(
            action,
            target,
            workspace_id=workspace_id,
            user_id=self.user_id,
            label=self.label,
            details=details,
        )


#: Whoever may run commands on the machine may do everything there.
COMMAND = Operator("command", may=lambda right: True)


def operator_of(user: User) -> Operator:
    """The operator that a signed-in person is."""
    return Operator(f"operator {user}", user.id, lambda right: bool(user.has_perm(right)))
