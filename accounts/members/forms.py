"""What people fill in about members, invitations and whole workspaces."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.forms import ServiceForm
from accounts.members.changes import roles_given_by
from accounts.models import Membership, Role, Workspace
from accounts.permissions import Actor


class InviteForm(ServiceForm):
    """Whom to ask, and as what."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput({"autocomplete": "off", "placeholder": "ada@example.com"}),
    )
    role = forms.ChoiceField()

    def __init__(self, actor: Actor, data: Any = None) -> None:
        super().__init__(data, initial={"role": Role.BUILDER}, auto_id="invite_%s")
        chosen = [role for role in roles_given_by(actor) if role != Role.OWNER]
        self.fields["role"] = forms.ChoiceField(choices=[(role, role.label) for role in chosen])


class RemovalForm(forms.Form):
    """What becomes of the API keys of who is taken out."""

    keys = forms.ChoiceField(
        label="Their API keys",
        required=False,
        initial="revoke",
        choices=[
            ("revoke", "Revoke them: programs that use them stop at once"),
            ("take", "Take them over: they go on, in your name"),
        ],
        widget=forms.RadioSelect,
    )


class NewWorkspaceForm(ServiceForm):
    """A workspace beside the others."""

    name = forms.CharField(
        label="Name", max_length=120, widget=forms.TextInput({"autofocus": True})
    )


class TypedNameForm(forms.Form):
    """The name once more, by hand, before something goes for ever."""

    name = forms.CharField(
        label="Type the workspace's name", widget=forms.TextInput({"autocomplete": "off"})
    )

    def __init__(self, workspace: Workspace, data: Any = None) -> None:
        super().__init__(data)
        self.workspace = workspace

    def clean_name(self) -> str:
        typed = " ".join(str(self.cleaned_data["name"]).split())
        if typed != self.workspace.name:
            raise forms.ValidationError(f"Type it exactly: {self.workspace.name}")
        return typed


class MemberChoice(forms.ModelChoiceField):
    """A member by name and address."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.user} ({obj.user.email})"


class TransferForm(forms.Form):
    """Who the next owner is: a member who is none yet."""

    def __init__(self, members: QuerySet[Membership], data: Any = None) -> None:
        super().__init__(data)
        self.fields["member"] = MemberChoice(members, empty_label="Choose a member")
