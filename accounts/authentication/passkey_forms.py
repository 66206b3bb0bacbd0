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


#: allauth's name for whatever is not right with a credential; it speaks of a code then.
_NOT_RIGHT = "incorrect_code"


class _Checked:
    """The credential, or one sentence that it is not right."""

    refusal = "This passkey is not one of yours. Use another one, or go on another way."

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except _MALFORMED:
            raise forms.ValidationError(self.refusal) from None
        except forms.ValidationError as error:
            if error.code != _NOT_RIGHT:
                raise
            raise forms.ValidationError(self.refusal) from None


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
            raise get_adapter().validation_error(_NOT_RIGHT) from None
        return filled


class SecondStepForm(_Checked, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """After the password."""


class AgainForm(_Checked, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """Before what cannot be undone."""


class SignInForm(_Checked, LoginWebAuthnForm):  # type: ignore[misc]
    """Instead of the password; what fails is written down."""

    refusal = (
        "This passkey is not known here. Sign in another way. If it was removed here, delete it on "
        "the device too."
    )

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()
        except forms.ValidationError:
            record_refusal(by="passkey", reason="The passkey is not known, or not valid.")
            raise
