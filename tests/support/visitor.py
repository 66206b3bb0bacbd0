"""A person with a workspace of their own, and how they sign in with a browser."""

import uuid
from dataclasses import dataclass

from playwright.sync_api import ConsoleMessage, Page, Response

from accounts.models import User, Workspace
from accounts.permissions import Actor, member_actor
from accounts.services import create_workspace
from fluxprompt.testing.live_stack import LiveStack

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Visitor:
    """Someone with an account."""

    email: str
    workspace: Workspace
    actor: Actor

    def sign_in(self, page: Page, stack: LiveStack) -> None:
        """As people do: by the form."""
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
    workspace = create_workspace(user, name="Analytical Engines")
    actor = member_actor(user, workspace)
    assert actor is not None
    return Visitor(user.email, workspace, actor)


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
