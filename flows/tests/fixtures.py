"""A workspace, a key and a client of the REST API, for the tests of every app that has calls."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User, Workspace
from accounts.permissions import DEFAULT_SCOPES, Actor, member_actor, system_actor
from accounts.services import create_api_key, create_workspace

GREETING: dict[str, Any] = {
    "schema": "fluxprompt.flow/v1",
    "name": "Greeting",
    "nodes": [
        {
            "id": "start",
            "type": "input",
            "config": {"fields": [{"name": "name", "type": "string", "required": True}]},
        },
        {"id": "result", "type": "output", "config": {"value": "Hello {{ start.name }}"}},
    ],
    "edges": [{"from": "start", "to": "result"}],
}


class Api:
    """Calls the API with a key, as a program would."""

    def __init__(self, token: str | None = None) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """`body`: plain data is sent as JSON, bytes as they are. Header names take `_` for `-`."""
        kind = headers.pop("content_type", "application/json")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(
            method,
            path if path.startswith("/api/") else f"/api/v1{path}",
            body if isinstance(body, bytes) else self._dump(body),
            content_type=kind,
            headers={**self.headers, **named},
        )

    @staticmethod
    def _dump(body: Any) -> bytes:
        import json

        return b"" if body is None else json.dumps(body).encode()

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self("POST", path, body, **headers)


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """The response is a problem document with this status and code; answers with it."""
    assert response.status_code == status, response.content[:500]
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["detail"]
    assert problem["type"] == f"urn:fluxprompt:problem:{code}"
    assert all({"path", "code", "message"} <= error.keys() for error in problem["errors"])
    return problem


def _person(email: str, name: str) -> tuple[User, Workspace]:
    user = User.objects.create_user(email, "correct horse battery")
    return user, create_workspace(user, name=name)


@pytest.fixture
def owner(db: None, without_examples: None) -> tuple[User, Workspace]:
    return _person("ada@example.com", "Analytical Engines")


@pytest.fixture
def workspace(owner: tuple[User, Workspace]) -> Workspace:
    return owner[1]


@pytest.fixture
def actor(owner: tuple[User, Workspace]) -> Actor:
    found = member_actor(*owner)
    assert found is not None
    return found


@pytest.fixture
def make_api(actor: Actor) -> Callable[..., Api]:
    """A client whose key has these scopes."""

    def make(*scopes: str) -> Api:
        _, token = create_api_key(actor, name="test", scopes=scopes or DEFAULT_SCOPES)
        return Api(token)

    return make


@pytest.fixture
def visitor(owner: tuple[User, Workspace]) -> Client:
    """The owner, signed in on the pages."""
    client = Client()
    client.force_login(owner[0])
    return client


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    return make_api()


@pytest.fixture
def stranger(db: None, without_examples: None) -> Api:
    """A client of another workspace."""
    _, workspace = _person("eve@example.com", "Elsewhere")
    _, token = create_api_key(system_actor(workspace.id), name="test")
    return Api(token)


@pytest.fixture
def anonymous(db: None) -> Api:
    return Api()
