"""Where allauth's forms of the entrance are narrowed."""

from typing import Any

from allauth.account.forms import AddEmailForm as AllauthAddEmailForm
from allauth.account.forms import ResetPasswordForm as AllauthResetPasswordForm
from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.core import context
from allauth.socialaccount.forms import SignupForm as AllauthProviderSignupForm
from django import forms
from django.conf import settings

from accounts.authentication.claims import is_only_claimed
from accounts.members.joining import may_sign_up, remembered

NO_MAIL = (
    "This FluxPrompt sends no mail. Ask an operator of this installation for a link by which you "
    "set a new password."
)
NOT_VERIFIABLE = (
    "This FluxPrompt sends no mail, so that no address can be verified. Ask an operator of this "
    "installation to change yours."
)


class _ByAddress(forms.Form):
    """An invitation opens the door for its own address only, and a mere claim closes it to none."""

    def clean_email(self) -> str:
        invitation = remembered(context.request)
        given = str(self.cleaned_data["email"]).lower()
        if invitation is not None and not may_sign_up(context.request, given):
            raise forms.ValidationError(
                f"Your invitation is for {invitation.email}. Sign up with that address."
            )
        return str(super().clean_email())  # type: ignore[misc]

    def validate_unique_email(self, value: str) -> str:
        if is_only_claimed(value):
            return value
        return str(super().validate_unique_email(value))  # type: ignore[misc]


class SignupForm(_ByAddress, AllauthSignupForm):  # type: ignore[misc]
    """Signing up with a password."""


class ProviderSignupForm(_ByAddress, AllauthProviderSignupForm):  # type: ignore[misc]
    """Signing up with a provider that told no address that could be taken."""


class AddEmailForm(AllauthAddEmailForm):  # type: ignore[misc]
    """Refused where no mail goes out: an address that cannot be verified is only a claim."""

    def clean_email(self) -> str:
        if not settings.FLUX_MAIL_REACHES_PEOPLE:
            raise forms.ValidationError(NOT_VERIFIABLE)
        return str(super().clean_email())


class ResetPasswordForm(AllauthResetPasswordForm):  # type: ignore[misc]
    """Refused where no mail goes out: the link would stand in a log, for whoever reads it."""

    def clean(self) -> dict[str, Any]:
        if not settings.FLUX_MAIL_REACHES_PEOPLE:
            raise forms.ValidationError(NO_MAIL)
        filled: dict[str, Any] = super().clean() or self.cleaned_data
        return filled
