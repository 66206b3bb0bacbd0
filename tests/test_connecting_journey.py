"""In a browser: a credential is connected at a provider, with scripts and without."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from pytest_django import Settings

from accounts.models import Credential
from accounts.services import create_credential
from execution.tests.oauth_provider_for_tests import Provider, id_token, values_for
from fluxprompt.testing.live_stack import LiveStack
from tests.support.listening import listening
from tests.support.visitor import Visitor, new_visitor, watch


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    settings.FLUX_ALLOW_HOSTS = ["127.0.0.1"]
    claims = id_token(email="ada@provider.example")
    with listening(Provider(refresh_token="rt-canary", id_token=claims)) as server:
        yield server


@pytest.fixture
def visitor(stack: LiveStack, django_db_blocker: Any) -> Iterator[Visitor]:
    # Playwright's own loop runs in this thread; these few rows block nobody in it.
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield new_visitor()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_credential_is_connected_at_its_provider_and_disconnected(
    stack: LiveStack, browser: Browser, visitor: Visitor, provider: Provider, scripts: bool
) -> None:
    credential = create_credential(
        visitor.actor, name="Calendar", type="oauth2", values=values_for(provider)
    )
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    said = watch(page)
    visitor.sign_in(page, stack)
    address = f"{stack.base_url}/settings/credentials/{credential.pk}/"
    page.goto(address)
    expect(page.locator("#redirect-uri")).to_have_text(
        f"{stack.base_url}/settings/credentials/connected/"
    )
    page.get_by_role("button", name="Connect").focus()
    page.keyboard.press("Enter")
    if not scripts:
        page.get_by_role("link", name=f"Continue at {provider.url[7:]}").click()
    expect(page.get_by_text("Connected as ada@provider.example")).to_be_visible()
    # Nothing of the code stays in the address.
    assert page.url == address
    assert Credential.objects.get(pk=credential.pk).connected_by_id == visitor.actor.user_id
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("Nobody is connected yet")).to_be_visible()
    context.close()
    assert said == []
