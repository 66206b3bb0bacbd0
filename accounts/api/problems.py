"""What the accounts app's exceptions look like as problem documents."""

from accounts.errors import CredentialInUse, InvalidValue, MembershipRefused, TooManyInvitations
from accounts.operators.maintenance import UnderMaintenance
from fluxprompt.api.problems import ApiProblem, converts


@converts(InvalidValue)
def invalid_value(error: InvalidValue) -> ApiProblem:
    entry = {"path": error.field, "code": error.code, "message": error.message}
    return ApiProblem(422, error.code, error.message, [entry])


@converts(CredentialInUse)
def credential_in_use(error: CredentialInUse) -> ApiProblem:
    return ApiProblem(409, error.code, error.message, extra={"flows": list(error.flows)})


@converts(MembershipRefused)
def membership_refused(error: MembershipRefused) -> ApiProblem:
    return ApiProblem(409, error.code, error.message)


@converts(TooManyInvitations)
def too_many_invitations(error: TooManyInvitations) -> ApiProblem:
    headers = {"Retry-After": str(error.wait)}
    return ApiProblem(429, error.code, error.message, headers=headers)


@converts(UnderMaintenance)
def under_maintenance(error: UnderMaintenance) -> ApiProblem:
    headers = {"Retry-After": str(error.notice.retry_after)}
    return ApiProblem(503, error.code, error.message, headers=headers)
