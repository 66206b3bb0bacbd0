"""What the API shows and deletes of a session's memory."""

from collections.abc import Callable

import pytest

from accounts.ids import new_id
from accounts.models import AuditEvent, Workspace
from execution.memories import keeping
from execution.memories.keeping import Place, Step
from execution.memories.models import MemoryEntry
from flows.models import Flow
from flows.tests.fixtures import GREETING, Api, assert_problem

ADDRESS = "/flows/greeting/sessions/ada%2F1/memory"


@pytest.fixture
def remembered(api: Api, workspace: Workspace) -> Flow:
    """A flow of which two sessions remember something."""
    api.post("/flows", {"document": GREETING})
    flow = Flow.objects.get(slug="greeting", workspace=workspace)
    for number, (session, name, node) in enumerate(
        [("ada/1", "log", ""), ("ada/1", "", "ask"), ("bob", "log", "")]
    ):
        place = Place(workspace.id, flow.id, "session", name, session, node)
        keeping.append(place, Step(new_id(), str(number)), {"n": number})
    keeping.append(Place(workspace.id, flow.id, "flow", "log"), Step(new_id(), "f"), "flow's")
    return flow


def test_a_session_is_shown_newest_first_and_forgotten_whole(api: Api, remembered: Flow) -> None:
    first = api.get(f"{ADDRESS}?limit=1").json()
    assert [(e["name"], e["node"], e["value"]) for e in first["results"]] == [
        (None, "ask", {"n": 1})
    ]
    second = api.get(f"{ADDRESS}?limit=1&cursor={first['next']}").json()
    assert [(e["name"], e["node"], e["value"]) for e in second["results"]] == [
        ("log", None, {"n": 0})
    ]
    assert second["next"] is None
    for _ in range(2):
        assert api("DELETE", ADDRESS).status_code == 204
    assert api.get(ADDRESS).json() == {"results": [], "next": None}
    left = MemoryEntry.objects.order_by("number", "id").values_list("value", flat=True)
    assert sorted(map(str, left)) == ["flow's", "{'n': 2}"]
    event = AuditEvent.objects.get(action="memory.forget")
    assert event.details == {"name": remembered.name, "session": "ada/1", "memories": 2}
    assert event.target_id == str(remembered.id)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_only_who_may_see_the_runs_comes_in(
    anonymous: Api,
    stranger: Api,
    make_api: Callable[..., Api],
    remembered: Flow,
    method: str,
) -> None:
    assert_problem(anonymous(method, ADDRESS), 401, "not_authenticated")
    assert_problem(stranger(method, ADDRESS), 404, "not_found")
    assert_problem(
        stranger(method, ADDRESS.replace("greeting", str(remembered.id))), 404, "not_found"
    )
    scope = "flows:read" if method == "GET" else "runs:read"
    assert_problem(make_api(scope)(method, ADDRESS), 403, "permission_refused")
    assert MemoryEntry.objects.count() == 4
    assert_problem(
        make_api("runs:write")(method, "/flows/greeting/sessions/a%00b/memory"),
        400,
        "bad_parameter",
    )
