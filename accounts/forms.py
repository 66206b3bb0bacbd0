"""What people fill in on the pages of this app; the services decide what is valid."""

import json
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.credentials.types import FIELDS, Field
from accounts.errors import InvalidValue
from accounts.keys.rules import MAX_PER_MINUTE
from accounts.models import MAX_RETENTION_DAYS, Credential, CredentialType, User, Workspace
from accounts.operators.system_settings import retention_days
from accounts.permissions import DEFAULT_SCOPES, SCOPE_ACTIONS

#: What a scope allows, in a builder's words.
SCOPE_WORDS = {
    "flows:read": "Read flows",
    "flows:write": "Change and publish flows",
    "runs:read": "Read runs and their results",
    "runs:write": "Start and cancel runs",
    "approvals:write": "Decide approvals",
    "knowledge:read": "Search knowledge",
    "knowledge:write": "Change knowledge",
    "usage:read": "Read usage and cost",
    "credentials:write": "Manage credentials",
    "variables:write": "Set variables",
    "keys:write": "Manage API keys",
    "audit:read": "Read the audit trail",
    "members:read": "Read who is a member",
    "members:write": "Invite people and manage members",
}
NEVER = 0


class ServiceForm(forms.Form):
    """A form whose errors may also come from the service it is handed to."""

    def refuse(self, refused: InvalidValue) -> None:
        """Show what the service said at the field it named."""
        self.add_error(refused.field if refused.field in self.fields else None, refused.message)


class SetupForm(ServiceForm):
    """The first operator and their workspace."""

    name = forms.CharField(
        label="Your name",
        max_length=120,
        widget=forms.TextInput({"autocomplete": "name", "autofocus": True}),
    )
    email = forms.EmailField(
        label="E-mail address", widget=forms.EmailInput({"autocomplete": "username"})
    )
    password = forms.CharField(
        strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"})
    )
    workspace_name = forms.CharField(label="Name of your workspace", max_length=120)

    def clean(self) -> dict[str, Any]:
        filled = super().clean() or {}
        if "password" in filled:
            person = User(email=filled.get("email", ""), name=filled.get("name", ""))
            try:
                validate_password(filled["password"], person)
            except ValidationError as refused:
                self.add_error("password", refused)
        return filled


class WorkspaceForm(ServiceForm):
    """Name and default model of a workspace, and how long its runs are kept."""

    name = forms.CharField(max_length=120)
    default_model = forms.CharField(
        max_length=200,
        required=False,
        help_text="Used by model nodes that name none, as in anthropic/claude-haiku-5-5. "
        "Left empty, the first provider with a key is used.",
        widget=forms.TextInput({"spellcheck": "false", "autocapitalize": "off"}),
    )

    retention_days = forms.IntegerField(
        label="Keep runs for (days)",
        required=False,
        min_value=1,
        max_value=MAX_RETENTION_DAYS,
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, **fields: Any) -> None:
        super().__init__(*args, **fields)
        self.fields["retention_days"].help_text = (
            "Counted from a run's end; then it is deleted for good, with what its steps recorded. "
            f"Costs stay in the usage. Left empty, {installation_keeps()}."
        )

    @classmethod
    def of(cls, workspace: Workspace) -> "WorkspaceForm":
        return cls(initial={name: getattr(workspace, name) for name in cls.base_fields})


def installation_keeps() -> str:
    """What holds for a workspace that says nothing."""
    days = retention_days()
    return f"runs are kept for {days} days" if days else "runs are kept for ever"


def limit_fields() -> dict[str, forms.Field]:
    """How many calls may be made with a credential."""
    return {
        "max_concurrent": forms.IntegerField(
            label="Calls at once (optional)",
            required=False,
            help_text="Over all runs of the workspace. More wait for their turn.",
        ),
        "requests_per_minute": forms.IntegerField(
            label="Calls a minute (optional)",
            required=False,
            help_text="As the provider's plan allows.",
        ),
    }


LIMITS = ("max_concurrent", "requests_per_minute")


def widget_for(field: Field) -> forms.Widget:
    """How a field of a credential is filled in; what is secret is never sent back."""
    attributes = {"autocomplete": "off", "spellcheck": "false"}
    if field.secret:
        return forms.PasswordInput(attributes)
    if field.choices:
        return forms.Select(choices=field.choices)
    if field.lines:
        return forms.Textarea({**attributes, "rows": "3"})
    return forms.TextInput({**attributes, "placeholder": field.default})


class CredentialLimitsForm(ServiceForm):
    """The limits of a stored credential."""

    def __init__(self, credential: Credential, data: Any = None) -> None:
        initial = {name: getattr(credential, name) for name in LIMITS}
        super().__init__(data, initial=initial, auto_id=f"limits_{credential.id}_%s")
        self.fields |= limit_fields()


class CredentialForm(ServiceForm):
    """A new credential: its type decides the other fields."""

    types = CredentialType.choices
    name = forms.CharField(max_length=120, required=False)

    def __init__(self, kind: str, data: Any = None) -> None:
        self.kind = kind if kind in FIELDS else CredentialType.ANTHROPIC.value
        super().__init__(data, auto_id="credential_%s")
        label = CredentialType(self.kind).label
        self.fields["name"].widget.attrs["placeholder"] = label
        for field in FIELDS[self.kind]:
            self.fields[field.name] = forms.CharField(
                label=field.label if field.required else f"{field.label} (optional)",
                required=field.required and not field.default,
                initial=field.default if field.choices else None,
                help_text=field.help,
                widget=widget_for(field),
            )

        self.fields |= limit_fields()

    def clean_name(self) -> str:
        return self.cleaned_data["name"] or CredentialType(self.kind).label

    def values(self) -> dict[str, str]:
        return {field.name: self.cleaned_data[field.name] for field in FIELDS[self.kind]}

    def limits(self) -> dict[str, int | None]:
        return {name: self.cleaned_data[name] for name in LIMITS}


class KeyLimitsForm(ServiceForm):
    """The limits of an API key, new or changed."""

    requests_per_minute = forms.IntegerField(
        label="Calls a minute (optional)",
        required=False,
        min_value=1,
        max_value=MAX_PER_MINUTE,
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )
    monthly_budget = forms.DecimalField(
        label="Budget a month, in US dollars (optional)",
        required=False,
        min_value=0,
        help_text="What runs that it starts may cost. Then no more are started until the month "
        "is over (UTC).",
        widget=forms.NumberInput({"inputmode": "decimal", "step": "any"}),
    )

    def limits(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("requests_per_minute", "monthly_budget")}


class ApiKeyForm(KeyLimitsForm):
    """A new API key."""

    name = forms.CharField(
        max_length=120, widget=forms.TextInput({"placeholder": "What it is for"})
    )
    expires = forms.TypedChoiceField(
        coerce=int,
        choices=[(NEVER, "Never"), (30, "In 30 days"), (90, "In 90 days"), (365, "In a year")],
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(scope, SCOPE_WORDS[scope]) for scope in SCOPE_ACTIONS],
        initial=DEFAULT_SCOPES,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    field_order = ("name", "expires", "requests_per_minute", "monthly_budget", "scopes")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="key_%s")

    def expires_at(self) -> Any:
        days = self.cleaned_data["expires"]
        return None if days == NEVER else timezone.now() + timedelta(days=days)


class VariableForm(ServiceForm):
    """A new or changed variable."""

    name = forms.CharField(
        max_length=63, widget=forms.TextInput({"spellcheck": "false", "autocapitalize": "off"})
    )
    kind = forms.ChoiceField(choices=[("text", "Text"), ("json", "JSON")])
    value = forms.CharField(
        required=False,
        strip=False,
        max_length=100_000,
        widget=forms.Textarea({"rows": 2, "spellcheck": "false"}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="variable_%s")

    def clean(self) -> dict[str, Any]:
        filled = super().clean() or {}
        if filled.get("kind") == "json" and "value" in filled:
            try:
                filled["value"] = json.loads(filled["value"], parse_constant=_refuse_constant)
            except (ValueError, RecursionError) as error:
                self.add_error("value", f"This is not JSON: {error}")
        return filled


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")
