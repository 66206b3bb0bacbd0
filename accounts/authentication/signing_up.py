"""Who may make an account for themselves."""

from enum import StrEnum

from accounts.models import User
from accounts.operators import system_settings
from accounts.operators.features import is_on
from accounts.operators.maintenance import notice


class SignupMode(StrEnum):
    """`open`: everyone who reaches the page; `invitation`: who was invited; `closed`: nobody."""

    OPEN = "open"
    INVITATION = "invitation"
    CLOSED = "closed"


def signup_mode() -> SignupMode:
    """What operators set, else FLUX_SIGNUP; closed during maintenance or where it is switched off.

    A word that is none of them closes the door; the checks refuse it.
    """
    if not is_on("sign_up", None) or notice() is not None:
        return SignupMode.CLOSED
    try:
        return SignupMode(system_settings.signup())
    except ValueError:
        return SignupMode.CLOSED


def is_open_to_all() -> bool:
    """Whether a stranger may sign up.

    The first person comes by the set-up link: a stranger who is faster would shut it.
    """
    return signup_mode() is SignupMode.OPEN and User.objects.exists()
