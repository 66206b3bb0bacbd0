"""Forms of the operators' admin where the rows alone are not enough."""

from typing import Any, ClassVar

from django import forms
from unfold.forms import UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.credentials.types import FIELDS, Field, split
from accounts.errors import InvalidValue
from accounts.models import Credential, User, Workspace
from accounts.services import credential_change

_BY_NAME = {field.name: field for fields in FIELDS.values() for field in fields}


class PersonCreationForm(UserCreationForm):
    """A new person, known by e-mail address."""

    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class PersonChangeForm(UserChangeForm):
    """A person."""

    class Meta:
        model = User
        fields = "__all__"

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class NewWorkspaceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new tenant and its owner."""

    owner = forms.ModelChoiceField(
        User.objects.filter(is_active=True), widget=UnfoldAdminSelect2Widget
    )

    class Meta:
        model = Workspace
        fields = ("name",)


def _value_field(field: Field) -> forms.CharField:
    if field.secret:
        widget: forms.Widget = UnfoldAdminPasswordWidget({"autocomplete": "off"})
    elif field.choices:
        widget = UnfoldAdminSelectWidget(choices=field.choices)
    elif field.lines:
        widget = UnfoldAdminTextareaWidget()
    else:
        widget = UnfoldAdminTextInputWidget()
    return forms.CharField(label=field.label, required=False, help_text=field.help, widget=widget)


_Values = type(
    "_Values", (forms.Form,), {name: _value_field(field) for name, field in _BY_NAME.items()}
)


class CredentialForm(forms.ModelForm, _Values):  # type: ignore[misc, type-arg, valid-type]
    """A credential whose secret can be written and never read."""

    VALUE_FIELDS: ClassVar[tuple[str, ...]] = tuple(_BY_NAME)

    class Meta:
        model = Credential
        fields = ("workspace", "type", "name", "max_concurrent", "requests_per_minute")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            return
        for name in set(self.fields) & set(_BY_NAME):
            if _BY_NAME[name].secret:
                self.fields[name].help_text = "Stored. Leave it empty to keep it."
            else:
                self.fields[name].initial = self.instance.settings.get(name, "")

    def clean(self) -> dict[str, Any]:
        filled: dict[str, Any] = super().clean() or {}
        try:
            if not self.instance._state.adding:
                credential_change(self.instance, self.values())
            elif "type" in filled:
                split(filled["type"], self.values())
        except InvalidValue as refused:
            self.add_error(refused.field if refused.field in self.fields else None, refused.message)
        return filled

    def values(self) -> dict[str, str]:
        """What was filled in, by field of the credential's type."""
        return {name: self.cleaned_data.get(name) or "" for name in _BY_NAME}
