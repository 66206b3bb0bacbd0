"""Where allauth's forms of the entrance are narrowed."""

from typing import Any

from allauth.account.forms import ResetPasswordForm as AllauthResetPasswordForm
from django import forms
from django.conf import settings

NO_MAIL = (
    "This FluxPrompt sends no mail. Ask an operator of this installation for a link by which you "
    "set a new password."
)


class ResetPasswordForm(AllauthResetPasswordForm):  # type: ignore[misc]
    """Refused where no mail goes out: the link would stand in a log, for whoever reads it."""

    def clean(self) -> dict[str, Any]:
        if not settings.FLUX_MAIL_REACHES_PEOPLE:
            raise forms.ValidationError(NO_MAIL)
        filled: dict[str, Any] = super().clean() or self.cleaned_data
        return filled
