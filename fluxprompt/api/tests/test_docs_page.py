"""The page to try the API, in a real browser, under the site's own content security policy."""

import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from accounts.models import Workspace
from accounts.permissions import system_actor
from accounts.services import create_api_key


@pytest.fixture
def token(stack: Any) -> str:
    """Made on a thread: the browser's event loop keeps Django from the database on this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_new_token).result()


def _new_token() -> str:
    try:
        workspace = Workspace.objects.create(name="Docs", slug=uuid.uuid4().hex)
        return create_api_key(system_actor(workspace.id), name="docs")[1]
    finally:
        connection.close()


def test_the_api_can_be_tried_on_its_page(stack: Any, token: str, page: Any) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{stack.base_url}/api/docs/")
    page.get_by_role("heading", name="FluxPrompt API").wait_for()
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".modal-ux input").first.fill(token)
    page.locator(".modal-ux button.authorize").first.click()
    page.locator(".modal-ux button.btn-done").first.click()
    call = page.locator("#operations-Flows-list_flows")
    call.locator(".opblock-summary-control").click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_role("button", name="Execute").click()
    call.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
    if folder := os.environ.get("FLUX_TEST_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/api-docs.png")
    assert [url for url in asked if not url.startswith((stack.base_url, "data:"))] == []
    assert [line for line in said if line.startswith(("error", "warning"))] == []
