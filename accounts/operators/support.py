"""Support staff: operators in the group Support see everything but secrets, and change nothing.

What people's runs were given and made is apart: it needs the right `execution.view_run_data`, which
the group does not have.
"""

from typing import Any

#: The group's name; a migration makes it. Superusers put people into it.
GROUP = "Support"
RUN_DATA = "execution.view_run_data"


class SupportRights:
    """The rights of a person; those of the group are computed, so that new tables are in it."""

    is_active: bool
    is_staff: bool
    groups: Any

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        if super().has_perm(perm, obj):  # type: ignore[misc]
            return True
        _, _, action = perm.partition(".")
        return action.startswith("view_") and perm != RUN_DATA and self._is_support

    def has_module_perms(self, app_label: str) -> bool:
        return bool(super().has_module_perms(app_label)) or self._is_support  # type: ignore[misc]

    @property
    def _is_support(self) -> bool:
        """Asked once for each person of a request."""
        known = self.__dict__.get("_support")
        if known is None:
            there = self.is_active and self.is_staff
            known = there and self.groups.filter(name=GROUP).exists()
            self.__dict__["_support"] = known
        return bool(known)
