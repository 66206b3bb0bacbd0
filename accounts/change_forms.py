"""What people fill in to change a credential or a key, and to look through the audit trail."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms

from accounts.audit.queries import LONGEST, AuditFilter
from accounts.credentials.types import FIELDS
from accounts.forms import (
    LIMITS,
    SCOPE_WORDS,
    KeyLimitsForm,
    ServiceForm,
    limit_fields,
    widget_for,
)
from accounts.models import ApiKey, Credential


class CredentialChangeForm(ServiceForm):
    """A stored credential: what is open stands there, what is secret is empty and stays so."""

    name = forms.CharField(max_length=120)

    def __init__(self, credential: Credential, data: Any = None) -> None:
        initial = {"name": credential.name, **credential.settings}
        initial |= {name: getattr(credential, name) for name in LIMITS}
        super().__init__(data, initial=initial, auto_id="credential_%s")
        self._fields = FIELDS[credential.type]
        for field in self._fields:
            stays = field.required or field.secret
            kept = "Left empty, what is stored stays." if field.secret else ""
            needed = field.required and not field.secret and not field.default
            self.fields[field.name] = forms.CharField(
                label=field.label if stays else f"{field.label} (optional)",
                required=needed,
                help_text=" ".join(part for part in (field.help, kept) if part),
                widget=widget_for(field),
            )
        self.fields |= limit_fields()

    def values(self) -> dict[str, str]:
        return {field.name: self.cleaned_data[field.name] for field in self._fields}

    def limits(self) -> dict[str, int | None]:
        return {name: self.cleaned_data[name] for name in LIMITS}


class ApiKeyChangeForm(KeyLimitsForm):
    """A key: its scopes only become fewer."""

    name = forms.CharField(max_length=120)
    expires_at = forms.DateField(
        label="Expires (optional)",
        required=False,
        help_text="At the beginning of this day (UTC).",
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one, or revoke the key."},
    )
    field_order = ("name", "expires_at", "requests_per_minute", "monthly_budget", "scopes")

    def __init__(self, key: ApiKey, data: Any = None) -> None:
        names = ("name", "scopes", "requests_per_minute", "monthly_budget")
        initial = {name: getattr(key, name) for name in names}
        if key.monthly_budget is not None:
            initial["monthly_budget"] = f"{key.monthly_budget.normalize():f}"
        initial["expires_at"] = key.expires_at.date() if key.expires_at else None
        super().__init__(data, initial=initial, auto_id="key_%s")
        self._key = key
        chooser = self.fields["scopes"]
        assert isinstance(chooser, forms.MultipleChoiceField)
        chooser.choices = [(scope, SCOPE_WORDS.get(scope, scope)) for scope in key.scopes]

    def changes(self) -> dict[str, Any]:
        """What the service takes. A day that stays as it was keeps its time of day."""
        filled = self.cleaned_data
        changes = {"name": filled["name"], "scopes": filled["scopes"], **self.limits()}
        if "expires_at" in self.changed_data:
            day = filled["expires_at"]
            changes["expires_at"] = datetime.combine(day, time(), UTC) if day else None
        return changes


class AuditForm(forms.Form):
    """What of the audit trail is shown. Days are UTC, and the last one counts."""

    search = forms.CharField(
        required=False, max_length=LONGEST, widget=forms.TextInput({"type": "search"})
    )
    person = forms.CharField(label="Who", required=False, max_length=LONGEST)
    action = forms.ChoiceField(required=False)
    target = forms.CharField(label="Target (id or type)", required=False, max_length=LONGEST)
    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, actions: list[str], data: Any) -> None:
        super().__init__(data, auto_id="audit_%s")
        chooser = self.fields["action"]
        assert isinstance(chooser, forms.ChoiceField)
        chooser.choices = [("", "Every action"), *((name, name) for name in actions)]

    def wanted(self) -> AuditFilter:
        """The filter; of what cannot be read nothing counts."""
        filled = self.cleaned_data
        texts = {
            name: str(filled.get(name) or "").replace("\x00", "").strip()
            for name in ("person", "action", "target", "search")
        }
        since, until = filled.get("since"), filled.get("until")
        return AuditFilter(
            since=datetime.combine(since, time(), UTC) if since else None,
            until=_day_after(until) if until else None,
            **texts,
        )


def _day_after(day: Any) -> datetime | None:
    try:
        return datetime.combine(day, time(), UTC) + timedelta(days=1)
    except OverflowError:
        return None  # the last day there is
