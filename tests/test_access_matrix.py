"""Every address × everybody who may ask: nobody gets more than `accounts.access` says.

A cell is one request of one caller; what it does is rolled back. Each answer is looked at for its
status and for the headers that every answer has.
"""

import json
from collections import Counter
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import transaction

from accounts.access import (
    ACCESS,
    OPERATOR,
    OWN_PAGES,
    PUBLIC,
    PUBLIC_PAGES,
    SIGNED_IN,
    SOCKETS,
    needs,
)
from accounts.models import Role
from accounts.permissions import ALL_ACTIONS, SCOPE_ACTIONS, can
from execution.live.consumers import RunConsumer
from execution.live.flow_consumer import FlowConsumer
from execution.live.routing import websocket_urlpatterns
from fluxprompt.security_headers import HEADERS
from tests.support.access_requests import ANYTHING, BODIES, JSON_PAGES, OTHERWISE, QUERIES, SCOPES
from tests.support.access_routes import Route, routes
from tests.support.access_world import CALLERS, KEYS, PEOPLE, AccessWorld, access_world

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: Without these actions the objects are not even seen: the answer is 404 and not 403.
UNSEEN = {"credential.manage", "key.manage"}
#: Pages of one's account that want the password once more, or a second factor that is on.
_AGAIN = {route for route in OWN_PAGES if route.startswith("mfa") or "reauth" in route}
_AGAIN |= {"workspace-transfer", "account_set_password"}
#: This one says 401 to everybody: it is what a failed sign-in elsewhere shows.
_AGAIN.add("socialaccount_login_error")
#: Parts of addresses that name something of a workspace.
OBJECTS = (
    *("_id", "flow", "run", "folder", "tag", "file", "collection", "document", "credential"),
    *("member", "invitation"),
)
#: Routes that name their objects behind the question mark, or by words with other meanings.
NAMING = {"run-compare", "api-key", "api-variable"}
#: What makes its object where the asker's own workspace has none of that name.
MADE_BY_NAME = {("PUT", "api-variable")}
#: What a gate says where the call itself asks for more: whom an approval names decides.
NARROWER = {"api-run-approval": "POST run.read"}


#: How the names of allauth's routes begin; it takes more methods than it has uses for.
ALLAUTH = ("account_", "mfa_", "usersessions_", "socialaccount_")
#: Pages that a script asks, which say in JSON that one is signed out.
JSON_ANSWERS = {"flow-changes", "flow-draft"}


@pytest.fixture
def world(db: None, without_examples: None, monkeypatch: pytest.MonkeyPatch) -> AccessWorld:
    # Nothing is rolled back in Temporal; what is asked of it is none of this test's business.
    monkeypatch.setattr("execution.services.dispatch", lambda *args: None)
    # Whether Temporal is there is not what is asked.
    monkeypatch.setattr("fluxprompt.health.readiness", dict)
    return access_world()


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    known = {route.row for route in routes()}
    missing = [
        f'"{route.name}": "{_guess(route)}",' for route in routes() if route.row not in ACCESS
    ]
    assert missing == [], "Add to accounts/access.py:\n" + "\n".join(missing)
    assert sorted(ACCESS.keys() - known) == [], "Take out of accounts/access.py"
    assert sorted(map(str, (p.pattern for p in websocket_urlpatterns))) == sorted(SOCKETS)
    words = {PUBLIC, SIGNED_IN, OPERATOR, "nobody"} | ALL_ACTIONS
    assert {need for row in ACCESS.values() for need in needs(row).values()} <= words


def _guess(route: Route) -> str:
    gate = getattr(getattr(route.view, "cls", None), "required_action", {"GET": "an.action"})
    return ", ".join(f"{method} {action}" for method, action in gate.items())


def test_the_gates_of_the_api_are_those_of_the_table() -> None:
    for route in routes():
        if route.is_api:
            row = NARROWER.get(route.name, ACCESS[route.name])
            assert route.view.cls.required_action == needs(row), route.name


def test_s10_the_addresses_open_to_all_are_those_listed_by_name() -> None:
    """Django's middleware asks for a sign-in wherever a view does not say that it needs none."""
    opened = {
        route.name
        for route in routes()
        if not getattr(route.view, "login_required", True)
        and not route.is_api
        and not route.name.startswith("admin:")
    }
    # These ask by themselves: with JSON instead of a redirect.
    own = {"temporal-codec-decode", "temporal-codec-encode", *JSON_ANSWERS}
    assert opened - own == set(PUBLIC_PAGES)


class Matrix:
    """Asks cells and notes the wrong ones."""

    def __init__(self, world: AccessWorld) -> None:
        self.world = world
        self.cells: Counter[str] = Counter()
        self.wrong: list[str] = []

    def ask(self, route: Route, method: str, need: str) -> None:
        for caller in _callers(route):
            response = self._response(route, method, need, caller)
            said = _said(response)
            wanted = expected(route, method, need, caller)
            self.cells[caller] += 1
            if said not in wanted:
                self.wrong.append(
                    f"{method} {route.name} by {caller}: {said} ({response.status_code}), "
                    f"not {' or '.join(sorted(wanted))}; {response.content[:150]!r}"
                )
            absent = [name for name in _HEADERS if name not in response.headers]
            if absent or "'unsafe-inline'" in _policy(route, response):
                self.wrong.append(f"{method} {route.name} by {caller}: headers {absent}")

    def _response(self, route: Route, method: str, need: str, caller: str) -> Any:
        names = {part: OTHERWISE.get(route.name, {}).get(part, part) for part in route.parts}
        given = {
            part: self.world.given.get(name, ANYTHING.get(name)) for part, name in names.items()
        }
        assert None not in given.values(), f"{route.name}: nothing stands for a part of its address"
        query = QUERIES.get(route.name, "").format(**self.world.given)
        client = self.world.client(caller, need, SCOPES.get(route.name, ""))
        sent: dict[str, Any] = {}
        if method != "GET":
            body = filled(JSON_PAGES.get(route.name, BODIES.get(route.name, {})), self.world)
            as_json = route.is_api or route.name in JSON_PAGES
            sent = {"content_type": "application/json"} if as_json else {}
            sent["data"] = json.dumps(body) if as_json else body
        if route.name.startswith("temporal-codec"):
            sent["headers"] = {"Origin": settings.TEMPORAL_UI_URL.rstrip("/")}
        address = route.address(given) + (f"?{query}" if query else "")
        cookies: SimpleCookie = SimpleCookie()
        cookies.update(client.cookies)
        with transaction.atomic():
            response = getattr(client, method.lower())(address, **sent)
            transaction.set_rollback(True)
        # Signing out, too, is taken back.
        client.cookies = cookies
        return response


def _callers(route: Route) -> tuple[str, ...]:
    """All; on pages, which know no keys, one key; of a console's inner pages those who differ."""
    if route.is_api:
        return CALLERS
    if route.name.startswith("admin:") and route.parts:
        return ("anonymous", Role.OWNER, "operator")
    return (*PEOPLE, KEYS[0])


_SIGN_IN = {"/accounts/login/", "/admin/login/", "/accounts/reauthenticate/"}
_HEADERS = (*HEADERS, "Content-Security-Policy")


def _policy(route: Route, response: Any) -> str:
    # The operators' console has a policy of its own, on its pages only.
    return "" if route.row == "admin:*" else response.headers["Content-Security-Policy"]


def filled(body: Any, world: AccessWorld) -> Any:
    """The body with `{flow_id}` and the like as the world has them."""
    if isinstance(body, str) and body[:1] == "{" and body[1:-1] in world.given:
        return str(world.given[body[1:-1]])
    if isinstance(body, list):
        return [filled(item, world) for item in body]
    if isinstance(body, dict):
        return {name: filled(item, world) for name, item in body.items()}
    return body


def _said(response: Any) -> str:
    """The answer in one word."""
    status = response.status_code
    if status in (301, 302) and urlsplit(response["Location"]).path in _SIGN_IN:
        return "sign in"
    if status in (301, 302):
        return "sent on"
    words = {401: "sign in", 403: "refused", 404: "unknown", 405: "no such method"}
    return words.get(status, "failed" if status >= 500 else "let in")


def expected(route: Route, method: str, need: str, caller: str) -> set[str]:
    """The words that are right for this cell."""
    with_key = caller in KEYS
    if need == PUBLIC:
        # Each of these has a page of its own for what is not there (any more).
        return {"let in", "unknown", "sign in", "sent on"}
    if need == "nobody":
        return {"refused"}
    if need == OPERATOR:
        if caller == "operator":
            # Some of the console takes forms only, and nobody adds what happened.
            return {"let in", "sent on", "unknown", "refused", "no such method"}
        return {"refused", "sign in", "sent on"}
    passes = {"let in", "sent on", *({"sign in"} if route.name in _AGAIN else ())}
    if caller == "anonymous" or (with_key and not route.is_api) or caller == "revoked key":
        return {"sign in"}
    if need == SIGNED_IN:
        return passes | {"unknown"} if route.name in _AGAIN else passes
    if caller in Role.values:
        if can(caller, need):
            return passes
        return {"unknown", "refused"} if need in UNSEEN else {"refused"}
    if caller == "key without it":
        return {"refused"}
    if with_key and not any(need in actions for actions in SCOPE_ACTIONS.values()):
        return {"refused"}
    is_made = (method, route.name) in MADE_BY_NAME
    is_theirs = caller == "key with the scope" or is_made or not names_an_object(route)
    return passes if is_theirs else {"unknown"}


def names_an_object(route: Route) -> bool:
    return route.name in NAMING or any(
        part.endswith("_id") or part in OBJECTS for part in route.parts
    )


def test_s9_nobody_gets_more_than_the_table_says(
    world: AccessWorld, counted: Callable[[str], None]
) -> None:
    matrix = Matrix(world)
    calls = [
        (method != "GET", route, method, need)
        for route in routes()
        for method, need in needs(ACCESS[route.row]).items()
    ]
    # What is deleted comes back with the rollback, but not the bytes of a file.
    for _, route, method, need in sorted(calls, key=lambda call: call[0]):
        matrix.ask(route, method, need)
    cells = sum(matrix.cells.values())
    counted(f"access: {cells} cells, {len(routes())} addresses, {len(matrix.wrong)} wrong")
    assert matrix.wrong == [], "\n".join(matrix.wrong)
    assert cells == sum(len(_callers(route)) for _, route, _, _ in calls) > 5 * len(routes())


def test_s10_a_method_that_the_table_does_not_name_is_answered_by_nobody(
    world: AccessWorld,
) -> None:
    matrix = Matrix(world)
    wrong = []
    for route in routes():
        if route.row == "admin:*" or route.name.startswith(ALLAUTH):
            continue
        for method in set(METHODS) - needs(ACCESS[route.name]).keys():
            said = _said(matrix._response(route, method, "flow.read", Role.OWNER))
            if said not in ("no such method", "refused", "unknown"):
                wrong.append(f"{method} {route.name}: {said}")
    assert wrong == []


@pytest.mark.parametrize(
    ("consumer", "part", "action"),
    [(RunConsumer, "run_id", "run.read"), (FlowConsumer, "flow_id", "flow.read")],
)
def test_s9_sockets_are_for_members_of_the_workspace(
    world: AccessWorld, monkeypatch: pytest.MonkeyPatch, consumer: Any, part: str, action: str
) -> None:
    monkeypatch.setattr(f"{consumer.__module__}.give_back", lambda: None)
    for caller in PEOPLE:
        asked = consumer()
        asked.scope = {
            "user": world.users.get(caller),
            "url_route": {"kwargs": {part: world.given[part]}},
        }
        may = caller in Role.values and can(caller, action)
        assert (asked._open() is not None) == may, caller
