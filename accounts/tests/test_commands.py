"""The commands by which operators make people and keys."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import ApiKey, Role, User, Workspace
from accounts.services import create_workspace, token_digest


def _key(*arguments: str) -> str:
    out = StringIO()
    call_command("create_api_key", *arguments, stdout=out)
    return out.getvalue()


def test_the_key_is_alone_on_standard_output(workspace: Workspace) -> None:
    printed = _key("--email", "ADA@example.com", "deploy")
    key = ApiKey.objects.get()
    assert printed == printed.strip() + "\n"
    assert key.digest == token_digest(printed.strip())
    assert (key.name, key.workspace_id) == ("deploy", workspace.id)


def test_a_key_for_a_named_workspace_with_chosen_scopes(owner: User, workspace: Workspace) -> None:
    second = create_workspace(owner, name="Second")
    _key("--email", owner.email, "--workspace", "second", "--scopes", "runs:read, flows:read", "k")
    key = ApiKey.objects.get()
    assert (key.workspace_id, key.scopes) == (second.id, ["runs:read", "flows:read"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--email", "no@example.com"), "Nobody has the e-mail address no@example.com"),
        (("--email", "ada@example.com", "--workspace", "x"), "Theirs: analytical-engines"),
        (("--email", "ada@example.com", "--scopes", "all"), "no scope 'all'"),
    ],
)
def test_a_key_that_cannot_be_made_says_why(
    workspace: Workspace, arguments: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        _key(*arguments, "deploy")
    assert not ApiKey.objects.exists()


def test_a_viewer_makes_no_keys(owner: User, workspace: Workspace) -> None:
    owner.memberships.update(role=Role.VIEWER)
    with pytest.raises(CommandError, match="Your role does not allow"):
        _key("--email", owner.email, "deploy")


def test_createsuperuser_without_questions_gives_a_workspace(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "Root@Example.com")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    call_command("createsuperuser", "--noinput", stdout=StringIO())
    user = User.objects.get()
    assert user.email == "root@example.com"
    assert user.is_superuser
    assert user.check_password("correct horse battery")
    assert [w.name for w in user.workspaces.all()] == ["root's workspace"]


def test_createsuperuser_refuses_an_address_that_is_taken(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    with pytest.raises(CommandError, match="already taken"):
        call_command("createsuperuser", "--noinput", "--email", owner.email, stdout=StringIO())
