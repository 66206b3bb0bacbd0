"""allauth's forms for passkeys, which take whatever a stranger sends for what it is: not valid."""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms

from accounts.authentication.sign_ins import record_refusal

#: What reading a credential raises that is none; the library checks types only as it goes.
_MALFORMED = (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError)


class _Checked:
    """The credential, or the one sentence that it is not right."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except _MALFORMED:
            raise get_adapter().validation_error("incorrect_code") from None


class AddForm(AddWebAuthnForm):  # type: ignore[misc]
    """A passkey by which one signs in without a password, unless one wants it otherwise."""

    name = forms.CharField(
        label="What to call it",
        max_length=60,
        required=False,
        help_text="So that you know it among others: the device or the place it is in.",
    )
    passwordless = forms.BooleanField(
        label="Sign in with it alone, without the password",
        required=False,
        initial=True,
        help_text="The device asks for a finger, a face or a PIN. Otherwise it is a second factor, "
        "asked for after the password.",
    )

    def clean(self) -> dict[str, Any]:
        try:
            filled: dict[str, Any] = super().clean()
        except _MALFORMED:
            raise get_adapter().validation_error("incorrect_code") from None
        return filled


class SecondStepForm(_Checked, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """After the password."""


class AgainForm(_Checked, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """Before what cannot be undone."""


class SignInForm(_Checked, LoginWebAuthnForm):  # type: ignore[misc]
    """Instead of the password; what fails is written down."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()
        except forms.ValidationError:
            record_refusal(by="passkey", reason="The passkey is not known, or not valid.")
            raise
