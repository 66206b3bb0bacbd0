"""Signing in as people do, in a real browser: with a passkey, and with an account elsewhere."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, Page

from fluxprompt.testing.live_stack import LiveStack
from tests.support.axe import faults
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from tests.support.own_web import OwnWeb
from tests.support.visitor import PASSWORD, Visitor, new_visitor, watch

# Before the browser, whose loop stays in this thread.
pytestmark = pytest.mark.usefixtures("live_stack")


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as listening:
        yield listening


@pytest.fixture(scope="module")
def web(live_stack: LiveStack, provider: IdentityProvider) -> Iterator[OwnWeb]:
    """Open to all, with a provider, at a name: browsers make no passkeys for addresses."""
    given = {"URL": provider.url, "CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET}
    settings = {f"FLUX_OIDC_{name}": value for name, value in given.items()}
    with OwnWeb(live_stack, FLUX_SIGNUP="open", FLUX_OIDC_NAME="Acme", **settings) as answering:
        yield answering


@pytest.fixture
def visitor(stack: LiveStack, django_db_blocker: Any) -> Iterator[Visitor]:
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield new_visitor()


def _with_a_device(page: Page) -> None:
    """A device that makes passkeys, and says yes to everything."""
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def _sign_in_by_password(page: Page, web: OwnWeb, visitor: Visitor) -> None:
    page.goto(f"{web.url}/accounts/login/")
    page.get_by_label("Email").fill(visitor.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{web.url}/")


def _sign_out(page: Page, web: OwnWeb) -> None:
    page.goto(f"{web.url}/accounts/logout/")
    page.locator("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{web.url}/accounts/login/")


def test_a_passkey_is_added_signs_in_and_is_removed(
    stack: LiveStack, browser: Browser, web: OwnWeb, visitor: Visitor
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    said = watch(page)
    _with_a_device(page)
    _sign_in_by_password(page, web, visitor)
    page.goto(f"{web.url}/you/")
    page.get_by_role("link", name="Add passkeys").click()
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("What to call it").fill("Laptop")
    found = {"add": faults(page)}
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url("**/recovery-codes/")
    page.goto(f"{web.url}/accounts/2fa/webauthn/")
    assert page.get_by_text("Signs you in alone").is_visible()
    for name in ("Rename Laptop", "Remove Laptop"):
        page.get_by_role("link", name=name).click()
        found[name] = faults(page)
        page.goto(f"{web.url}/accounts/2fa/webauthn/")
    found["list"] = faults(page)

    _sign_out(page, web)
    found["sign-in"] = faults(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{web.url}/")
    page.goto(f"{web.url}/accounts/2fa/webauthn/reauthenticate/")
    found["asked again"] = faults(page)

    page.goto(f"{web.url}/accounts/2fa/webauthn/")
    page.get_by_role("link", name="Remove Laptop").click()
    if "reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Remove").click()
    page.wait_for_url("**/webauthn/")
    assert page.get_by_text("You have none yet.").is_visible()
    _sign_out(page, web)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_text("This passkey is not known here.").wait_for()
    context.close()
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert said == []


def test_an_authenticator_app_is_set_up_asked_for_and_switched_off(
    stack: LiveStack, browser: Browser, web: OwnWeb, visitor: Visitor
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page = context.new_page()
    said = watch(page)
    _sign_in_by_password(page, web, visitor)
    page.goto(f"{web.url}/accounts/2fa/totp/activate/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    found = {"set up": faults(page)}
    key = page.locator("#totp-key").inner_text()
    page.get_by_label("code").fill(_code(key))
    page.get_by_role("button", name="Switch on").click()
    page.get_by_role("heading", name="10 of 10 left").wait_for()
    found["codes"] = faults(page)
    first = page.locator("#recovery-codes").inner_text().split()[0]
    with page.expect_download() as kept:
        page.get_by_role("link", name="Download").click()
    assert kept.value.path().read_text().split()[0] == first

    _sign_out(page, web)
    page.get_by_label("Email").fill(visitor.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="Second step").wait_for()
    found["second step"] = faults(page)
    page.get_by_label("code").fill(first)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{web.url}/")

    page.goto(f"{web.url}/accounts/2fa/reauthenticate/")
    found["asked again"] = faults(page)
    page.goto(f"{web.url}/accounts/2fa/recovery-codes/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="9 of 10 left").wait_for()
    page.get_by_role("link", name="Make new ones").click()
    found["new codes"] = faults(page)
    page.get_by_role("button", name="Make new ones").click()
    page.get_by_role("heading", name="10 of 10 left").wait_for()
    assert first not in page.locator("#recovery-codes").inner_text()
    page.goto(f"{web.url}/accounts/2fa/totp/deactivate/")
    found["switch off"] = faults(page)
    page.get_by_role("button", name="Switch off").click()
    page.get_by_text("Off. Any app for one-time codes will do.").wait_for()
    gone = page.goto(f"{web.url}/accounts/2fa/recovery-codes/")
    assert gone is not None
    assert gone.status == 404
    context.close()
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert said == []


def _code(key: str) -> str:
    """What an app with this key shows."""
    return format_hotp_value(hotp_value(key, int(time.time()) // 30))


def test_a_passkey_that_is_not_there_is_told_in_words(
    stack: LiveStack, browser: Browser, web: OwnWeb
) -> None:
    context = browser.new_context()
    page = context.new_page()
    said = watch(page)
    page.goto(f"{web.url}/accounts/login/")
    # As where the person closes the browser's dialog.
    closed = "Promise.reject(new DOMException('', 'NotAllowedError'))"
    page.evaluate(f"() => {{ navigator.credentials.get = () => {closed}; }}")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_text("No passkey was used").wait_for()
    context.close()
    assert said == []


def test_a_browser_goes_to_the_provider_and_comes_back_signed_in(
    stack: LiveStack, browser: Browser, web: OwnWeb, provider: IdentityProvider
) -> None:
    name = uuid.uuid4().hex
    provider.person = {
        "sub": name,
        "email": f"{name}@example.com",
        "email_verified": True,
        "name": "Grace Hopper",
    }
    context = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page = context.new_page()
    said = watch(page)
    page.goto(f"{web.url}/accounts/oidc/sso/login/")
    found = {"by a link": faults(page)}
    page.goto(f"{web.url}/accounts/signup/")
    found["sign-up"] = faults(page)
    page.goto(f"{web.url}/accounts/login/")
    page.get_by_role("button", name="Sign in with Acme").click()
    page.wait_for_url(f"{web.url}/")
    page.goto(f"{web.url}/you/")
    found["you"] = faults(page)
    assert page.get_by_text(f"{name}@example.com").first.is_visible()
    assert page.get_by_role("link", name="Set one").is_visible()
    context.close()
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert said == []
