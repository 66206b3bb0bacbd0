"""Which login a workspace's calls use, and which model when none is named."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from accounts.credentials.vault import seal
from accounts.ids import new_id
from accounts.models import Credential, Workspace
from execution.providers import access as access_module
from execution.providers.access import access_for, default_model, forget_access
from execution.providers.base import Access, Login
from execution.providers.registry import resolve
from flows.engine.errors import NodeError

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    forget_access()
    yield
    forget_access()


@pytest.fixture
def workspace() -> Workspace:
    return Workspace.objects.create(name="Team", slug="team")


def store(workspace: Workspace, kind: str, secret: dict[str, Any], **opened: str) -> Credential:
    return Credential.objects.create(
        workspace=workspace,
        name=str(new_id()),
        type=kind,
        settings=opened,
        secret=seal(workspace.id, secret),
    )


def test_a_workspace_without_anything_is_told_what_to_do(workspace: Workspace) -> None:
    access = access_for(workspace.id)
    assert access.logins == {}
    with pytest.raises(NodeError) as caught:
        default_model("", access)
    assert caught.value.code == "model_not_configured"
    assert "ANTHROPIC_API_KEY" in caught.value.message
    assert "--with-local-model" in caught.value.message


def test_a_workspaces_credential_wins_over_the_operators_key(
    workspace: Workspace, settings: Settings
) -> None:
    settings.OPENAI_API_KEY = "operators"
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    store(workspace, "openai", {"api_key": "teams"})
    access = access_for(workspace.id)
    login = access.logins["openai"]
    assert login == Login("teams", "", "the workspace's openai credential")
    assert access.logins["openai_compatible"].trusted
    assert "teams" not in repr(access)


def test_the_operators_addresses_are_trusted_and_a_credentials_is_not(
    workspace: Workspace, settings: Settings
) -> None:
    settings.ANTHROPIC_API_KEY = "operators"
    settings.ANTHROPIC_BASE_URL = "http://127.0.0.1:9"
    settings.FLUX_LOCAL_MODEL_URL = "http://127.0.0.1:8"
    store(
        workspace,
        "openai_compatible",
        {},
        base_url="http://10.0.0.1/v1",
        default_model="llama",
    )
    logins = access_for(workspace.id).logins
    assert logins["anthropic"].trusted
    assert logins["local"] == Login("", "http://127.0.0.1:8/v1", "FLUX_LOCAL_MODEL_URL", True)
    assert not logins["openai_compatible"].trusted
    assert logins["openai_compatible"].default_model == "llama"


def test_a_changed_credential_counts_within_five_seconds(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    store(workspace, "anthropic", {"api_key": "old"})
    assert access_for(workspace.id).logins["anthropic"].api_key == "old"
    store(workspace, "anthropic", {"api_key": "new"})
    with django_assert_num_queries(0):
        assert access_for(workspace.id).logins["anthropic"].api_key == "old"
    later = time.monotonic() + access_module.KEPT_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert access_for(workspace.id).logins["anthropic"].api_key == "new"


def test_one_workspaces_credential_is_no_others(workspace: Workspace) -> None:
    other = Workspace.objects.create(name="Other", slug="other")
    store(workspace, "anthropic", {"api_key": "teams"})
    assert access_for(workspace.id).logins
    assert access_for(other.id).logins == {}


def test_a_secret_that_no_key_opens_says_so(workspace: Workspace, settings: Settings) -> None:
    store(workspace, "anthropic", {"api_key": "k"})
    settings.FLUX_SECRET_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    with pytest.raises(NodeError) as caught:
        access_for(workspace.id)
    assert caught.value.code == "model_auth"


@pytest.mark.parametrize(
    ("chosen", "logins", "model"),
    [
        ("openai/gpt-x", {"local": Login()}, "openai/gpt-x"),
        ("", {"anthropic": Login(), "openai": Login()}, "anthropic/claude-haiku-5-5"),
        ("", {"openai": Login(), "local": Login()}, "openai/gpt-6-luna"),
        ("", {"local": Login()}, "local/smollm2"),
        ("", {"openai_compatible": Login(default_model="llama")}, "openai_compatible/llama"),
        ("", {"openai_compatible": Login(), "local": Login()}, "local/smollm2"),
    ],
)
def test_the_default_model_is_the_workspaces_or_that_of_the_first_provider(
    chosen: str, logins: dict[str, Login], model: str
) -> None:
    assert default_model(chosen, Access(logins)) == model


def test_a_compatible_server_alone_has_no_default() -> None:
    with pytest.raises(NodeError) as caught:
        default_model("", Access({"openai_compatible": Login()}))
    assert caught.value.field == "model"
    assert "openai_compatible/name" in caught.value.message


@pytest.mark.parametrize("model", ["gpt-5.5", "", "nobody/gpt", "openai/", "/x"])
async def test_a_model_that_is_not_provider_and_name_is_unknown(model: str) -> None:
    with pytest.raises(NodeError) as caught:
        resolve(model, Access({"openai": Login("k")}))
    assert (caught.value.code, caught.value.field) == ("model_unknown", "model")


async def test_a_provider_without_login_says_how_to_get_one() -> None:
    with pytest.raises(NodeError) as caught:
        resolve("local/smollm2", Access({}))
    assert caught.value.code == "model_not_configured"
    assert "--with-local-model" in caught.value.message


async def test_the_same_login_gets_the_same_provider_and_another_key_another() -> None:
    first, name = resolve("openai_compatible/a/b", Access({"openai_compatible": Login("k", "u")}))
    again, _ = resolve("openai_compatible/c", Access({"openai_compatible": Login("k", "u")}))
    other, _ = resolve("openai_compatible/c", Access({"openai_compatible": Login("l", "u")}))
    assert name == "a/b"
    assert first is again
    assert first is not other


async def test_each_provider_answers_to_its_name() -> None:
    names = ("anthropic", "openai", "openai_compatible", "local")
    access = Access({name: Login("k", "http://127.0.0.1:1/v1") for name in names})
    for name in names:
        assert resolve(f"{name}/x", access)[0].name == name
