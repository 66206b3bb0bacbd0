"""What people fill in on the pages of this app; the services decide what is valid."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.models import User

_INPUT = {"class": "input"}


class SetupForm(forms.Form):
    """The first operator and their workspace."""

    name = forms.CharField(
        label="Your name",
        max_length=120,
        widget=forms.TextInput({**_INPUT, "autocomplete": "name", "autofocus": True}),
    )
    email = forms.EmailField(
        label="E-mail address", widget=forms.EmailInput({**_INPUT, "autocomplete": "username"})
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput({**_INPUT, "autocomplete": "new-password"}),
    )
    workspace_name = forms.CharField(
        label="Name of your workspace", max_length=120, widget=forms.TextInput(_INPUT)
    )

    def clean(self) -> dict[str, Any]:
        filled = super().clean() or {}
        if "password" in filled:
            person = User(email=filled.get("email", ""), name=filled.get("name", ""))
            try:
                validate_password(filled["password"], person)
            except ValidationError as refused:
                self.add_error("password", refused)
        return filled
