"""What people change of themselves."""

from django.db import transaction

from accounts.authentication.sign_ins import record_about
from accounts.errors import InvalidValue
from accounts.models import User

LONGEST_NAME = 120


def rename_person(user: User, name: str) -> None:
    """Change how somebody is called; nothing is a name too: then the address stands for it."""
    name = " ".join(name.replace("\x00", "").split())
    if len(name) > LONGEST_NAME:
        raise InvalidValue("name", f"A name has {LONGEST_NAME} characters at most.")
    with transaction.atomic():
        before, user.name = user.name, name
        user.save(update_fields=["name"])
        record_about(user, "profile.edit", name=name, before=before)
