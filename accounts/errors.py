"""What can be wrong with what a person filled in."""

from collections.abc import Sequence


class InvalidValue(Exception):
    """Something that was filled in cannot be used; `field` names it, `message` says why."""

    code = "invalid_value"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class CredentialInUse(Exception):
    """A credential that flows name is deleted only where somebody says so; `flows` are names."""

    code = "credential_in_use"

    def __init__(self, flows: Sequence[str]) -> None:
        shown = ", ".join(f"'{name}'" for name in flows[:5])
        more = f" and {len(flows) - 5} more" if len(flows) > 5 else ""
        self.message = (
            f"Flows use this credential: {shown}{more}. They will fail without it; confirm that it "
            "shall be deleted all the same."
        )
        super().__init__(self.message)
        self.flows = flows


class MembershipRefused(Exception):
    """What would be done with a membership, or an invitation, is against the rules; says why."""

    code = "membership_refused"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class TooManyInvitations(Exception):
    """A workspace mailed so many invitations that the next one waits `wait` seconds; says so."""

    code = "too_many_invitations"

    def __init__(self, message: str, wait: int) -> None:
        super().__init__(message)
        self.message = message
        self.wait = wait


class DeletionRefused(Exception):
    """An account cannot be deleted yet; `message` says what to do first."""

    code = "deletion_refused"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
