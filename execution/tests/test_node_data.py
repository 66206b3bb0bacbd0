"""Data, names, previews and failures of a node in the inspector: from a run, a part at a time."""

import json
import time
from typing import Any

import pytest
from django.test import Client

from accounts.models import User, Variable
from accounts.permissions import Actor
from execution import heads
from execution.blobs import PART, save_blobs
from execution.models import BlobPart, NodeRun, Run
from execution.payloads import Externalizer
from execution.tests.flows_for_tests import document, llm, output, published, start_node
from execution.tests.pages_for_tests import make_run, make_step
from execution.views import node_levels, node_scope
from flows.models import Flow
from flows.services import create_flow
from fluxprompt.paths import ROOT

JSON = Any


@pytest.fixture
def run(flow: Flow) -> Run:
    made = make_run(flow)
    make_step(made, "start", output={"topic": "Tea"})
    make_step(made, "ask", output={"text": "Leaves", "json": {"score": 7, "tags": ["a", "b"]}})
    return made


def _get(visitor: Client, flow: Flow, node: str, what: str, **query: JSON) -> dict[str, JSON]:
    if "path" in query:
        query["path"] = json.dumps(query["path"])
    answer = visitor.get(f"/flows/{flow.id}/nodes/{node}/{what}/", query)
    assert answer.status_code == 200, answer.content
    found: dict[str, JSON] = answer.json()
    return found


def _preview(visitor: Client, flow: Flow, node: str, text: str, **more: JSON) -> Any:
    body = {"node": node, "text": text, **more}
    return visitor.post(f"/flows/{flow.id}/preview/", body, content_type="application/json")


@pytest.fixture(autouse=True)
def nobody_asked_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_scope, "limit", node_scope.PreviewLimit(30, 10))


def test_names_are_those_of_the_nodes_before_with_the_values_they_had(
    visitor: Client, flow: Flow, run: Run
) -> None:
    Variable.objects.create(workspace=flow.workspace, name="tone", value="kind")
    scope = _get(visitor, flow, "end", "scope")
    names = {name["path"]: name for name in scope["names"]}
    assert names["start.topic"]["value"] == "Tea"
    assert names["ask.text"]["type"] == "text"
    # No schema promises it, but the last answer had it.
    assert names["ask.json.score"]["value"] == "7"
    assert names["vars.tone"]["value"] == "kind"
    assert names["run.id"]["value"] == str(run.id)
    assert "end" not in names
    assert "ask" not in {name["node"] for name in _get(visitor, flow, "start", "scope")["names"]}
    upper = next(one for one in scope["filters"] if one["name"] == "upper")
    assert upper["help"]


def test_values_of_names_are_cut(visitor: Client, flow: Flow) -> None:
    make_step(make_run(flow), "ask", output={"text": "x" * 5_000})
    names = _get(visitor, flow, "end", "scope")["names"]
    text = next(name for name in names if name["path"] == "ask.text")
    assert len(text["value"]) == 200


def test_inside_a_map_there_are_item_and_index_of_an_iteration(
    visitor: Client, actor: Actor
) -> None:
    nodes = [
        start_node("list"),
        {"id": "rows", "type": "map", "config": {"items": "{{ start.list }}"}},
        {"id": "one", "type": "template", "parent": "rows", "config": {"template": "{{ item }}"}},
        {"id": "two", "type": "template", "parent": "rows", "config": {"template": "x"}},
    ]
    flow = published(actor, document(nodes, ["start>rows", "one>two"]))
    run = make_run(flow)
    now = {"started_at": run.started_at, "status": "succeeded"}
    given = {"items": [{"name": "a"}, {"name": "b"}]}
    NodeRun.objects.create(run=run, node="rows", type="map", input=given, **now)
    for index in (0, 1):
        text = {"text": f"said {index}"}
        NodeRun.objects.create(
            run=run, node="one", type="template", path=["rows", index], output=text, **now
        )
    names = {name["path"]: name for name in _get(visitor, flow, "two", "scope")["names"]}
    assert names["item"]["value"] == '{"name": "a"}'
    assert names["item.name"]["value"] == "a"
    assert names["index"]["value"] == "0"
    assert names["one.text"]["value"] == "said 0"
    told = _preview(visitor, flow, "two", "{{ item.name | upper }} {{ index }} {{ one.text }}")
    assert told.json() == {"value": "A 0 said 0", "kind": "text", "cut": False}
    level = _get(visitor, flow, "two", "data")
    assert [child["key"] for child in level["children"]] == ["index", "item", "one", "start"]


def test_a_preview_gives_what_the_engine_would(visitor: Client, flow: Flow, run: Run) -> None:
    told = _preview(visitor, flow, "end", "{{ ask.json.score + 1 }}").json()
    assert told == {"value": "8", "kind": "number", "cut": False}
    told = _preview(visitor, flow, "end", "{{ ask.json }}").json()
    assert (told["kind"], json.loads(told["value"])["score"]) == ("object", 7)
    text = "{% if ask.text %}yes{% endif %}"
    assert _preview(visitor, flow, "end", text, template=True).json()["value"] == "yes"


def test_a_preview_says_what_is_wrong(visitor: Client, flow: Flow) -> None:
    assert _preview(visitor, flow, "end", "{{ ask.text }}").json()["kind"] == "no_data"
    told = _preview(visitor, flow, "end", "{{ asc.text }}").json()
    assert told["kind"] == "expression_unknown_name"
    assert "Did you mean 'ask'" in told["error"]
    assert _preview(visitor, flow, "end", "{{ 1 + }}").json()["kind"] == "expression_syntax"
    spun = "{{ 'x' | replace('x', 'xxxxxxxxxx') }}"
    assert _preview(visitor, flow, "end", spun).json()["value"] == "x" * 10


def test_a_preview_loads_large_values_only_up_to_a_limit(visitor: Client, flow: Flow) -> None:
    run = make_run(flow)
    stored = _store(run, {"text": "é" * 40_000, "json": "y" * 1_200_000})
    make_step(run, "ask", output=stored)
    assert _preview(visitor, flow, "end", "{{ ask.text | length }}").json()["value"] == "40000"
    told = _preview(visitor, flow, "end", "{{ ask.json | length }}").json()
    assert told["kind"] == "preview_too_large"
    assert "1,200,000" in told["error"]


def test_a_session_may_not_ask_for_previews_without_end(visitor: Client, flow: Flow) -> None:
    for _ in range(node_scope.MOST_PREVIEWS):
        assert _preview(visitor, flow, "end", "{{ 1 }}").status_code == 200
    refused = _preview(visitor, flow, "end", "{{ 1 }}")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 11


def test_what_may_be_previewed_again_is_counted_by_time() -> None:
    limit = node_scope.PreviewLimit(1, 0.05)
    assert limit.wait("a") == 0
    assert 0 < limit.wait("a") <= 0.05
    assert limit.wait("b") == 0
    time.sleep(0.06)
    assert limit.wait("a") == 0


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", '{"node": "end", "text": 1}', '{"node": "end", "text": "' + "x" * 20_001],
)
def test_a_preview_of_another_shape_is_refused(visitor: Client, flow: Flow, body: str) -> None:
    answer = visitor.post(f"/flows/{flow.id}/preview/", body, content_type="application/json")
    assert answer.status_code == 422


def _store(run: Run, value: dict[str, JSON]) -> JSON:
    out = Externalizer()
    shrunk = out.shrink_object(value)
    save_blobs(run.workspace_id, out.blobs)
    return shrunk


def test_data_comes_level_by_level(visitor: Client, flow: Flow, run: Run) -> None:
    roots = _get(visitor, flow, "end", "data")
    assert [child["key"] for child in roots["children"]] == ["ask", "start"]
    assert roots["children"][0]["title"] == "Language model"
    level = _get(visitor, flow, "end", "data", path=["ask", "json"])
    kinds = {child["key"]: child["type"] for child in level["children"]}
    assert kinds == {"score": "number", "tags": "list"}
    assert _get(visitor, flow, "end", "data", path=["ask", "json", "tags", 1])["text"] == "b"
    assert "error" in _get(visitor, flow, "end", "data", path=["ask", "gone"])
    assert "error" in _get(visitor, flow, "start", "data", path=["ask", "text"])


def test_at_most_two_hundred_children_come_at_once_and_texts_are_cut(
    visitor: Client, flow: Flow
) -> None:
    run = make_run(flow)
    make_step(run, "ask", output={"json": list(range(450)), "text": "z" * 900})
    level = _get(visitor, flow, "end", "data", path=["ask", "json"])
    assert (len(level["children"]), level["count"], level["more"]) == (200, 450, True)
    last = _get(visitor, flow, "end", "data", path=["ask", "json"], offset=400)
    assert [child["key"] for child in last["children"]] == list(range(400, 450))
    assert last["more"] is False
    level = _get(visitor, flow, "end", "data", path=["ask"])
    text = next(child for child in level["children"] if child["key"] == "text")
    assert (len(text["preview"]), text["opens"]) == (200, True)


def test_an_output_is_a_table_where_it_is_a_list_of_objects(visitor: Client, flow: Flow) -> None:
    rows = [{"name": "a", "score": 1}, {"name": "b", "more": [1, 2]}]
    make_step(make_run(flow), "ask", output={"json": rows})
    query = {"of": "output", "as": "table"}
    table = _get(visitor, flow, "ask", "data", path=["json"], **query)
    assert table["columns"] == ["name", "score", "more"]
    assert table["rows"] == [["a", "1", ""], ["b", "", "[1, 2]"]]
    assert table["download"].endswith("/nodes/ask/output.json")
    fields = _get(visitor, flow, "ask", "data", **query)
    assert fields["columns"] == ["field", "value"]


def test_of_a_value_of_a_hundred_megabytes_only_the_beginning_is_read(
    visitor: Client, flow: Flow, django_assert_max_num_queries: Any
) -> None:
    run = make_run(flow)
    rows = [{"id": n, "name": "n" * 180} for n in range(450_000)]
    stored = _store(run, {"json": rows, "text": "ä" * 49_000_000})
    assert stored["json"]["size"] > 90_000_000
    make_step(run, "ask", output=stored)
    asked: list[dict[str, JSON]] = [
        {"of": "output"},
        {"of": "output", "path": ["json"]},
        {"of": "output", "path": ["json"], "as": "table"},
        {"of": "output", "path": ["text"], "as": "text"},
        {"of": "output", "path": ["json", 3]},
    ]
    answers, took = [], []
    for query in asked:
        began = time.perf_counter()
        answers.append(_get(visitor, flow, "ask", "data", **query))
        took.append(time.perf_counter() - began)
    print("seconds to open 100 MB:", [round(seconds, 3) for seconds in took])
    assert max(took) < 0.3
    whole, level, table, text, item = answers
    assert whole["children"][0]["size"] == stored["json"]["size"]
    assert (level["whole"], len(level["children"])) == (False, 200)
    assert table["rows"][7][0] == "7"
    assert (len(text["text"]), text["cut"]) == (65_536, True)
    assert item["children"][0]["preview"] == "3"
    assert (
        "not read"
        in _get(visitor, flow, "ask", "data", of="output", path=["json", 400_000])["error"]
    )
    assert BlobPart.objects.count() > 700


def test_without_a_run_there_is_no_data(visitor: Client, flow: Flow) -> None:
    assert _get(visitor, flow, "ask", "data") == {"run": None}
    assert "not run yet" in visitor.get(f"/flows/{flow.id}/nodes/ask/last/").content.decode()


@pytest.fixture
def calling(actor: Actor) -> Flow:
    call = {"id": "call", "type": "http", "config": {"url": "https://example.com/{{ start.key }}"}}
    nodes = [start_node("key"), call, llm("ask", "x"), output("{{ call.text }}")]
    return published(actor, document(nodes, ["start>call", "call>ask", "ask>end"]))


def test_a_failure_says_cause_field_request_and_attempt_without_secrets(
    visitor: Client, calling: Flow
) -> None:
    run = make_run(calling, "failed")
    error = {
        "code": "http_status",
        "message": "The service answered 500.",
        "field": "url",
        "details": {"status": 500, "url": "https://u:pw@example.com/a?key=s3cret"},
    }
    given = {
        "method": "POST",
        "url": "https://user:hunter2@example.com:8443/a/b?key=s3cret#frag",
        "headers": {"Authorization": "Bearer t0ken"},
        "body": {"password": "hunter3"},
    }
    for attempt in (1, 2):
        NodeRun.objects.create(
            run=run, node="call", type="http", status="failed", attempt=attempt, input=given,
            error=error, started_at=run.started_at,
        )  # fmt: skip
    page = visitor.get(f"/flows/{calling.id}/nodes/call/last/").content.decode()
    assert "The service answered 500." in page
    assert "attempt 2 of 3" in page
    assert "POST https://example.com:8443/a/b?…" in page
    assert 'data-jump="url"' in page
    assert f'action="/runs/{run.id}/again/"' in page
    for secret in ("hunter2", "hunter3", "s3cret", "t0ken", "frag"):
        assert secret not in page


PATHS = ["nodes/ask/form/", "nodes/ask/scope/", "nodes/ask/data/", "nodes/ask/last/", "preview/"]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_of_another_workspace_sees_any_of_it(
    flow: Flow, run: Run, stranger: object, path: str
) -> None:
    elsewhere = Client()
    elsewhere.force_login(User.objects.get(email="eve@example.com"))
    ask = elsewhere.post if path == "preview/" else elsewhere.get
    assert ask(f"/flows/{flow.id}/{path}").status_code == 404
    nobody = Client().post if path == "preview/" else Client().get
    assert nobody(f"/flows/{flow.id}/{path}").status_code == 302


def test_a_run_of_another_flow_is_not_shown(visitor: Client, flow: Flow, actor: Actor) -> None:
    other = published(actor, document([start_node("topic"), output("x")], ["start>end"]))
    theirs = make_run(other)
    for what in ("data", "scope", "last"):
        address = f"/flows/{flow.id}/nodes/ask/{what}/"
        assert visitor.get(address, {"run": str(theirs.id)}).status_code == 404
        assert visitor.get(address, {"run": "no-id"}).status_code == 404
    assert _preview(visitor, flow, "ask", "{{ 1 }}", run=str(theirs.id)).status_code == 404


def test_a_node_that_is_not_saved_yet_has_no_names_that_could_be_wrong(
    visitor: Client, actor: Actor
) -> None:
    empty = create_flow(actor, name="Empty")
    assert visitor.get(f"/flows/{empty.id}/nodes/new/scope/").status_code == 404
    assert _preview(visitor, empty, "new", "{{ start.text }}").json()["kind"] == "no_data"


def _pin(flow: Flow, node: str, value: JSON) -> None:
    flow.nodes.filter(key=node).update(pinned=value)


def test_pinned_outputs_stand_before_recorded_ones_and_say_so(
    visitor: Client, flow: Flow, run: Run
) -> None:
    _pin(flow, "ask", {"text": "Fixed", "json": {"score": 1}})
    names = {name["path"]: name for name in _get(visitor, flow, "end", "scope")["names"]}
    assert (names["ask.text"]["value"], names["ask.text"]["pinned"]) == ("Fixed", True)
    assert "pinned" not in names["start.topic"]
    told = _preview(visitor, flow, "end", "{{ ask.text }} {{ start.topic }}").json()
    assert told == {"value": "Fixed Tea", "kind": "text", "cut": False, "pinned": True}
    lines = {line["key"]: line for line in _get(visitor, flow, "end", "data")["children"]}
    assert (lines["ask"]["pinned"], "pinned" in lines["start"]) == (True, False)
    given = _get(visitor, flow, "ask", "data", of="output")
    assert given["pinned"] is True
    lines = {line["key"]: line["preview"] for line in given["children"]}
    assert lines["text"] == "Fixed"
    level = _get(visitor, flow, "end", "data", path=["ask", "json"])
    assert [(line["key"], line["preview"]) for line in level["children"]] == [("score", "1")]


def test_pinned_outputs_are_there_before_the_first_run(visitor: Client, flow: Flow) -> None:
    _pin(flow, "ask", {"text": "Fixed"})
    level = _get(visitor, flow, "end", "data")
    assert level["run"] is None
    assert [(line["key"], line["ran"]) for line in level["children"]] == [
        ("ask", True),
        ("start", False),
    ]
    assert _get(visitor, flow, "ask", "data", of="output")["output"] is True
    assert _get(visitor, flow, "start", "data", of="output")["output"] is None
    assert _preview(visitor, flow, "end", "{{ ask.text }}").json()["value"] == "Fixed"
    assert _preview(visitor, flow, "end", "{{ start.topic }}").json()["kind"] == "no_data"


def test_only_the_fields_that_see_a_name_have_it(visitor: Client, actor: Actor) -> None:
    rows = {"items": "{{ start.list }}", "result": "{{ one.text }}"}
    nodes = [
        start_node("list"),
        {"id": "rows", "type": "map", "config": rows},
        {"id": "one", "type": "template", "parent": "rows", "config": {"template": "{{ item }}"}},
        llm("ask", "{{ start.list }}"),
    ]
    flow = published(actor, document(nodes, ["start>rows", "rows>ask"]))
    scope = _get(visitor, flow, "rows", "scope")
    assert not {"one", "item"} & {name["path"] for name in scope["names"]}
    assert {"one.text", "item"} <= {name["path"] for name in scope["fields"]["result"]}
    scope = _get(visitor, flow, "ask", "scope")
    assert "error.code" not in {name["path"] for name in scope["names"]}
    assert "error.code" in {name["path"] for name in scope["fields"]["retry.if"]}
    text = "{{ error.code == 'x' }}"
    told = _preview(visitor, flow, "ask", text).json()
    assert told["kind"] == "expression_unknown_name"
    assert _preview(visitor, flow, "ask", text, field="retry.if").json()["kind"] == "no_data"


def test_a_draft_from_words_is_no_run_whose_data_is_shown(
    visitor: Client, flow: Flow, run: Run
) -> None:
    later = make_run(flow)
    Run.objects.filter(id=later.id).update(trigger="describe")
    assert _get(visitor, flow, "end", "data")["run"]["id"] == str(run.id)


def test_the_limits_are_those_of_the_page_of_architecture() -> None:
    written = (ROOT / "docs" / "architecture.md").read_text()
    assert f"{node_levels.MOST_CHILDREN} children of a level" in written
    assert f"{node_levels.MOST_TEXT:,} of a text, {node_levels.MOST_COLUMNS} columns" in written
    assert f"over {heads.WHOLE // 1_000_000} MB its first megabyte" in written
    asked = f"{node_scope.MOST_PREVIEWS} in {node_scope.PREVIEW_SECONDS:g} s for each session"
    assert asked in written
    assert f"{node_scope.PREVIEW_LOAD // 1_000_000} MB of stored values" in written
    assert f"{node_scope.MOST_TEXT:,} characters; {node_scope.MOST_ANSWER:,} of" in written
    assert heads.PARTS * PART == 1024 * 1024
