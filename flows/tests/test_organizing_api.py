"""Folders and tags over the REST API."""

from typing import Any

import pytest

from accounts.permissions import Actor
from flows.models import Flow
from flows.services import create_flow
from flows.tests.fixtures import GREETING, Api, assert_problem


@pytest.fixture
def flow(actor: Actor) -> Flow:
    return create_flow(actor, document=GREETING)


def _names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def test_folders_are_made_listed_renamed_and_deleted(api: Api) -> None:
    top = api.post("/folders", {"name": "Clients"})
    assert top.status_code == 201
    low = api.post("/folders", {"name": "Acme", "folder": "clients"}).json()
    assert low == {"id": low["id"], "name": "Acme", "path": "Clients/Acme", "flows": 0}
    renamed = api("PATCH", f"/folders/{top.json()['id']}", {"name": "Customers"}).json()
    assert renamed["path"] == "Customers"
    assert _names(api.get("/folders")) == ["Customers", "Acme"]
    assert api("DELETE", f"/folders/{top.json()['id']}").status_code == 204
    assert [row["path"] for row in api.get("/folders").json()["results"]] == ["Acme"]


def test_tags_are_made_listed_changed_and_deleted(api: Api) -> None:
    made = api.post("/tags", {"name": "live", "colour": "green"})
    assert made.status_code == 201
    key = made.json()["id"]
    changed = api("PATCH", f"/tags/{key}", {"colour": "pink"}).json()
    assert changed == {"id": key, "name": "live", "colour": "pink", "flows": 0}
    assert _names(api.get("/tags")) == ["live"]
    assert api("DELETE", f"/tags/{key}").status_code == 204
    assert _names(api.get("/tags")) == []


def test_a_flow_is_put_into_a_folder_and_tagged_without_a_new_revision(
    api: Api, flow: Flow
) -> None:
    api.post("/folders", {"name": "Clients"})
    api.post("/tags", {"name": "live"})
    changed = api("PATCH", f"/flows/{flow.slug}", {"folder": "Clients", "tags": ["LIVE"]}).json()
    assert (changed["folder"], changed["tags"], changed["revision"]) == ("Clients", ["live"], 1)
    assert api.get(f"/flows/{flow.slug}").json()["folder"] == "Clients"
    (row,) = api.get("/flows").json()["results"]
    assert (row["folder"], row["tags"]) == ("Clients", ["live"])
    out = api("PATCH", f"/flows/{flow.slug}", {"folder": None, "tags": []}).json()
    assert (out["folder"], out["tags"]) == (None, [])


def test_flows_are_listed_by_folder_and_tag(api: Api, flow: Flow, actor: Actor) -> None:
    create_flow(actor, name="Other")
    api.post("/folders", {"name": "Clients"})
    api.post("/folders", {"name": "Acme", "folder": "Clients"})
    for name in ("live", "paid"):
        api.post("/tags", {"name": name})
    api("PATCH", f"/flows/{flow.slug}", {"folder": "Clients/Acme", "tags": ["live"]})
    assert _names(api.get("/flows?folder=Clients")) == ["Greeting"]
    assert _names(api.get("/flows?folder=none")) == ["Other"]
    assert _names(api.get("/flows?tag=live")) == ["Greeting"]
    assert _names(api.get("/flows?tag=live,paid")) == []
    assert _names(api.get("/flows?search=liv")) == ["Greeting"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/flows?folder=Nowhere", None, 400, "unknown_folder"),
        ("GET", "/flows?tag=nothing", None, 400, "unknown_tag"),
        ("PATCH", "/flows/greeting", {"folder": "Nowhere"}, 422, "unknown_folder"),
        ("PATCH", "/flows/greeting", {"folder": 7}, 422, "type"),
        ("PATCH", "/flows/greeting", {"tags": ["nothing"]}, 422, "unknown_tag"),
        ("PATCH", "/flows/greeting", {"tags": "live"}, 422, "type"),
        ("POST", "/folders", {"name": "a/b"}, 422, "name_refused"),
        ("POST", "/folders", {"name": ""}, 422, "required"),
        ("POST", "/tags", {"name": "x", "colour": "puce"}, 422, "name_refused"),
    ],
)
def test_what_the_workspace_does_not_have_is_refused(
    api: Api, flow: Flow, method: str, path: str, body: Any, status: int, code: str
) -> None:
    assert_problem(api(method, path, body), status, code)


def test_a_refused_tag_leaves_the_name_as_it_was(api: Api, flow: Flow) -> None:
    api("PATCH", f"/flows/{flow.slug}", {"name": "New", "tags": ["nothing"]})
    flow.refresh_from_db()
    assert flow.name == "Greeting"


def test_others_see_and_touch_nothing(api: Api, stranger: Api, make_api: Any) -> None:
    folder = api.post("/folders", {"name": "Clients"}).json()["id"]
    tag = api.post("/tags", {"name": "live"}).json()["id"]
    assert _names(stranger.get("/folders")) == _names(stranger.get("/tags")) == []
    for path in (f"/folders/{folder}", f"/tags/{tag}"):
        assert_problem(stranger("PATCH", path, {"name": "x"}), 404, "not_found")
        assert_problem(stranger("DELETE", path), 404, "not_found")
    reader = make_api("flows:read")
    assert _names(reader.get("/folders")) == ["Clients"]
    assert reader.post("/folders", {"name": "x"}).status_code == 403
    assert reader.post("/tags", {"name": "x"}).status_code == 403
