"""A person with a workspace of their own, and how they sign in with a browser."""

import uuid
from dataclasses import dataclass

from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response

from accounts.models import User, Workspace
from accounts.permissions import Actor, member_actor
from accounts.services import create_workspace
from fluxprompt.testing.live_stack import LiveStack

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Visitor:
    """Someone with an account, and a session of theirs."""

    email: str
    workspace: Workspace
    actor: Actor
    session: str

    def let_in(self, context: BrowserContext, stack: LiveStack) -> None:
        """By the session's cookie, which takes no page."""
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": self.session, "url": stack.base_url}])

    def sign_in(self, page: Page, stack: LiveStack) -> None:
        """Signed in, on the first page."""
        self.let_in(page.context, stack)
        page.goto(f"{stack.base_url}/")

    def sign_in_by_form(self, page: Page, stack: LiveStack) -> None:
        """As people do."""
        page.goto(f"{stack.base_url}/accounts/login/")
        page.get_by_label("Email").fill(self.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{stack.base_url}/")


def new_visitor() -> Visitor:
    """An owner of a new workspace with the example flows."""
    user = User.objects.create_user(
        f"{uuid.uuid4().hex[:10]}@example.com", PASSWORD, name="Ada Lovelace"
    )
    return visitor_of(user, create_workspace(user, name="Analytical Engines"))


def visitor_of(user: User, workspace: Workspace) -> Visitor:
    """A member of the workspace, who has signed in."""
    actor = member_actor(user, workspace)
    assert actor is not None
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    return Visitor(user.email, workspace, actor, session)


def watch(page: Page) -> list[str]:
    """What goes wrong in the page's scripts and policies while it is used."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # What the server answered is told with its address below.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            said.append(message.text)

    def see(response: Response) -> None:
        if response.status >= 500:
            said.append(f"{response.status} from {response.url}")

    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", hear)
    page.on("response", see)
    return said
