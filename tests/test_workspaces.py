"""People and workspaces in a real browser: a new one, another one, handing over, inviting."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from accounts.models import Membership, Role, User, Workspace
from fluxprompt.testing.live_stack import LiveStack
from tests.support.axe import faults
from tests.support.visitor import PASSWORD, Visitor, new_visitor, watch


@pytest.fixture
def owner(stack: LiveStack, django_db_blocker: Any) -> Iterator[Visitor]:
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield new_visitor()


def member_of(workspace: Workspace, name: str) -> User:
    user = User.objects.create_user(f"{uuid.uuid4().hex[:8]}@example.com", PASSWORD, name=name)
    Membership.objects.create(workspace=workspace, user=user, role=Role.BUILDER)
    return user


def see(page: Page, name: str) -> None:
    """A picture, where somebody asked for them."""
    if folder := os.environ.get("PICTURES_OF_PAGES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_person_makes_a_second_workspace_and_goes_back_by_the_menu(
    stack: LiveStack, owner: Visitor, browser: Browser
) -> None:
    context = browser.new_context()
    page = context.new_page()
    said = watch(page)
    owner.sign_in(page, stack)
    page.locator(".side-nav summary").click()
    see(page, "menu")
    page.get_by_role("link", name="New workspace").click()
    page.get_by_label("Name").fill("Second lab")
    see(page, "new")
    page.get_by_role("button", name="Create").click()
    page.get_by_text("Second lab is there").wait_for()
    page.locator(".side-nav summary").click()
    page.locator(".side-nav").get_by_role("button", name="Analytical Engines").click()
    page.wait_for_url(f"{stack.base_url}/")
    assert page.locator(".side-nav summary").inner_text().startswith("A\nAnalytical Engines")
    assert said == []
    context.close()


def test_a_workspace_is_handed_over_after_the_password_once_more(
    stack: LiveStack, owner: Visitor, browser: Browser
) -> None:
    grace = member_of(owner.workspace, "Grace Hopper")
    context = browser.new_context()
    page = context.new_page()
    said = watch(page)
    owner.sign_in(page, stack)
    page.goto(f"{stack.base_url}/settings/workspace/transfer/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Member").select_option(label=f"Grace Hopper ({grace.email})")
    assert faults(page) == []
    see(page, "transfer")
    page.get_by_role("button", name="Hand over").click()
    page.get_by_text("Grace Hopper owns Analytical Engines now").wait_for()
    see(page, "members")
    roles = dict(owner.workspace.memberships.values_list("user__email", "role"))
    assert roles == {owner.email: "admin", grace.email: "owner"}
    assert said == []
    context.close()


def test_an_invited_stranger_comes_in_by_the_link_that_was_handed_on(
    stack: LiveStack, owner: Visitor, browser: Browser
) -> None:
    guest = f"{uuid.uuid4().hex[:8]}@example.com"
    context = browser.new_context()
    page = context.new_page()
    owner.sign_in(page, stack)
    page.goto(f"{stack.base_url}/settings/members/")
    page.get_by_label("E-mail address").fill(guest)
    page.locator("#invite_role").select_option("viewer")
    page.get_by_role("button", name="Invite").click()
    link = page.locator("#invitation-link").inner_text()
    assert faults(page) == []
    see(page, "invited")
    context.close()
    context = browser.new_context()
    page = context.new_page()
    said = watch(page)
    page.goto(stack.base_url + "/invitations/" + link.split("/invitations/")[1])
    see(page, "invitation")
    assert faults(page) == []
    page.get_by_role("link", name="Create an account").click()
    assert page.get_by_label("Email").input_value() == guest
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    page.wait_for_url(f"{stack.base_url}/")
    membership = Membership.objects.get(user__email=guest)
    assert (membership.workspace_id, membership.role) == (owner.workspace.id, "viewer")
    assert said == []
    context.close()
