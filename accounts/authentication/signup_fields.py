"""What the form of signing up asks beside address and password.

A module of its own: allauth reads it before its own forms are there.
"""

from django import forms
from django.http import HttpRequest

from accounts.models import User


class SignupFields(forms.Form):
    """Part of allauth's form; the adapter keeps what it asks."""

    name = forms.CharField(
        label="Your name",
        max_length=120,
        required=False,
        widget=forms.TextInput({"autocomplete": "name"}),
    )

    def signup(self, request: HttpRequest, user: User) -> None:
        """allauth calls it; the name is kept already, with the workspace named after it."""
