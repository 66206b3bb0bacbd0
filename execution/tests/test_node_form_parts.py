"""Controls made of others in a node's form: tools, switched groups, lists of anything, pickers."""

import json
from typing import Any

import pytest
from django.test import Client
from lxml import html

from accounts.models import Membership, Workspace
from accounts.permissions import Actor, system_actor
from accounts.services import create_credential
from billing.catalogue import forget_catalogue
from billing.services import refresh_catalogue
from execution.knowledge.services import create_collection
from execution.providers.access import forget_access
from execution.tests.flows_for_tests import document
from flows.models import Flow
from flows.services import create_flow

JSON = Any


def _form(visitor: Client, flow: Flow, node: str, query: str = "") -> html.HtmlElement:
    answer = visitor.get(f"/flows/{flow.id}/nodes/{node}/form/{query}")
    assert answer.status_code == 200
    return html.fromstring(answer.content.decode())


def _shown(
    visitor: Client, actor: Actor, node_type: str, config: JSON, field: str
) -> html.HtmlElement:
    """A field of a node as its form shows it."""
    node = {"id": "one", "type": node_type, "config": config}
    form = _form(visitor, create_flow(actor, document=document([node], [])), "one")
    return _field(form, field)


def _field(form: html.HtmlElement, name: str) -> html.HtmlElement:
    fields = form.iterfind(".//*[@data-path]")
    return next(one for one in fields if json.loads(one.get("data-path")) == ["config", name])


def _part(row: html.HtmlElement, key: str) -> html.HtmlElement:
    return row.find(f".//*[@data-key='{key}']")


def _rows(field: html.HtmlElement) -> list[html.HtmlElement]:
    return field.findall("./div[@data-rows]/ol/li")  # type: ignore[no-any-return]


TOOLS: list[JSON] = [
    {"type": "flow", "flow": "refund", "approval": True, "inputs": {"shop": "Bath"}},
    {
        "type": "http",
        "name": "weather",
        "url": "https://example.com/{city}",
        "parameters": [{"name": "city"}, {"name": "days", "type": "integer"}],
        "headers": {"X-One": "1"},
    },
    {"type": "mcp", "url": "https://example.com/mcp", "tools": ["search"]},
]


def test_tools_are_rows_of_their_kind_and_each_kind_can_be_added(
    visitor: Client, actor: Actor
) -> None:
    tools = _shown(visitor, actor, "agent", {"prompt": "p", "tools": TOOLS}, "tools")
    assert (tools.get("data-kind"), tools.get("data-told-by")) == ("rows", "type")
    kinds = ["flow", "http", "mcp"]
    assert [row.get("data-variant") for row in _rows(tools)] == kinds
    assert tools.xpath("./div/template/@data-row-new") == kinds
    adders = tools.xpath("./div/div/button[@data-row-add]")
    assert [(one.get("data-row-add"), one.get("aria-label")) for one in adders] == [
        ("flow", "Flow: add to Tools"),
        ("http", "HTTP request: add to Tools"),
        ("mcp", "MCP server: add to Tools"),
    ]
    flow, call, server = _rows(tools)
    assert _part(flow, "flow").find(".//input").get("value") == "refund"
    assert _part(flow, "approval").find(".//input").get("checked") is not None
    assert _part(flow, "inputs").get("data-kind") == "pairs"
    assert flow.find(".//*[@data-key='type']") is None
    names = _rows(_part(call, "parameters"))
    assert [_part(row, "name").find(".//textarea").text.strip() for row in names] == [
        "city",
        "days",
    ]
    assert [one.get("value") for one in _rows(_part(server, "tools"))[0].iter("input")] == []
    assert "search" in _part(server, "tools").find("./div/ol").text_content()


def test_what_matters_of_a_tool_is_seen_first_and_what_is_set_is_not_folded_away(
    visitor: Client, actor: Actor
) -> None:
    tools = [*TOOLS[:2], {"type": "http", "name": "a", "url": "https://example.com"}]
    field = _shown(visitor, actor, "agent", {"prompt": "p", "tools": tools}, "tools")
    keys = [row.xpath("./div[@data-parts]/div[@data-field]/@data-key") for row in _rows(field)]
    assert keys[0] == ["flow", "description", "inputs", "approval"]
    assert keys[1] == ["name", "description", "method", "url", "parameters", "approval"]
    folds = [row.find("./div/details") for row in _rows(field)]
    # The second sends a header, which is below the fold.
    assert [fold.get("open") is not None for fold in folds] == [False, True, False]
    assert _part(folds[1], "headers").get("data-kind") == "pairs"


def test_a_new_row_within_a_new_row_has_a_mark_of_its_own(visitor: Client, flow: Flow) -> None:
    tools = _field(_form(visitor, flow, "new", "?type=agent"), "tools")
    outer = tools.find("./div[@data-rows]")
    assert outer.get("data-mark") == "__row__"
    inner = _part(outer.find("./template[@data-row-new='http']"), "parameters")
    assert inner.find("./div[@data-rows]").get("data-mark") == "__inner_row__"
    fresh = _part(inner.find("./div[@data-rows]/template"), "name").find(".//textarea")
    assert "__row__http" in fresh.get("id")
    assert "__inner_row__" in fresh.get("id")


@pytest.mark.parametrize(
    "tools",
    [
        [{"type": "telegram", "to": "x"}],
        [{"flow": "refund"}],
        [{"type": "flow", "flow": "refund", "unknown": 1}],
        ["refund"],
    ],
    ids=["unknown kind", "no kind", "unknown key", "no object"],
)
def test_tools_that_the_form_cannot_show_whole_are_json(
    visitor: Client, actor: Actor, tools: JSON
) -> None:
    field = _shown(visitor, actor, "agent", {"prompt": "p", "tools": tools}, "tools")
    assert field.get("data-kind") == "json"
    assert json.loads(field.find(".//textarea").text) == tools


@pytest.mark.parametrize(
    ("memory", "is_on", "turns"),
    [(None, False, ""), ({"turns": 7}, True, "7"), ({}, True, "")],
    ids=["null", "seven", "empty"],
)
def test_a_group_that_may_be_missing_has_a_switch(
    visitor: Client, actor: Actor, memory: JSON, is_on: bool, turns: str
) -> None:
    field = _shown(visitor, actor, "llm", {"prompt": "p", "memory": memory}, "memory")
    assert field.get("data-optional") is not None
    box = field.find(".//input[@id='field-config-memory']")
    assert (box.get("type"), box.get("checked") is not None) == ("checkbox", is_on)
    parts = field.find("./div[@data-parts]")
    assert (parts.get("hidden") is None) == is_on
    assert _part(parts, "turns").find(".//input").get("value") == turns
    # What is written when it is switched on.
    assert _part(parts, "turns").get("data-default") == "10"


@pytest.mark.parametrize(
    ("node_type", "name", "field"),
    [("http", "poll", "until"), ("http", "paginate", "next"), ("list", "aggregate", "function")],
)
def test_polling_pages_and_aggregates_are_switched_on(
    visitor: Client, flow: Flow, node_type: str, name: str, field: str
) -> None:
    group = _field(_form(visitor, flow, "new", f"?type={node_type}"), name)
    assert (group.get("data-kind"), group.get("data-optional") is not None) == ("group", True)
    assert group.find("./div[@data-parts]").get("hidden") is not None
    assert _part(group, field).get("data-required") is not None


def test_a_group_with_a_key_that_it_has_no_field_for_is_json(visitor: Client, actor: Actor) -> None:
    memory = {"turns": 3, "more": True}
    field = _shown(visitor, actor, "llm", {"prompt": "p", "memory": memory}, "memory")
    assert (field.get("data-kind"), field.get("data-optional")) == ("json", None)
    assert json.loads(field.find(".//textarea").text) == memory


def test_lists_of_anything_have_a_row_for_each_value_null_too(
    visitor: Client, actor: Actor
) -> None:
    values = ["{{ start.text }}", 5, None, {"a": [1]}]
    config = {"credential": "c", "query": "select $1", "parameters": values}
    field = _shown(visitor, actor, "sql", config, "parameters")
    assert (field.get("data-kind"), field.get("data-any-items") is not None) == ("lines", True)
    shown = [_part(row, "value") for row in _rows(field)]
    assert [one.get("data-mode") for one in shown] == ["text", "json", "json", "json"]
    texts = [one.find(".//textarea").text.strip() for one in shown]
    assert [texts[0], *map(json.loads, texts[1:])] == values
    files = _shown(visitor, actor, "llm", {"prompt": "p", "attachments": "{{ a }}"}, "attachments")
    assert (files.get("data-kind"), files.get("data-mode")) == ("lines", "expression")


def _picks(form: html.HtmlElement, control: str) -> list[str]:
    picker = form.get_element_by_id(control).get("list")
    return form.xpath(f"//datalist[@id='{picker}']/option/@value")  # type: ignore[no-any-return]


def test_models_for_pictures_and_sound_are_offered_by_what_they_can_do(
    visitor: Client, flow: Flow, actor: Actor
) -> None:
    create_credential(actor, name="Open", type="openai", values={"api_key": "sk-x"})
    refresh_catalogue()
    forget_access()
    found = {
        node_type: _picks(_form(visitor, flow, "new", f"?type={node_type}"), "field-config-model")
        for node_type in ("image", "transcribe", "speech", "llm")
    }
    forget_catalogue()
    forget_access()
    assert "openai/gpt-4o-mini-tts" in found["speech"]
    assert any("image" in model for model in found["image"])
    assert any("transcribe" in model for model in found["transcribe"])
    assert not set(found["llm"]) & {*found["image"], *found["speech"], *found["transcribe"]}


def test_collections_are_picked_by_those_who_may_read_them(
    visitor: Client, flow: Flow, actor: Actor
) -> None:
    made = create_collection(actor, name="Handbook")
    other = Workspace.objects.create(name="B", slug="elsewhere")
    create_collection(system_actor(other.id, "test"), name="Theirs")
    form = _form(visitor, flow, "new", "?type=knowledge")
    assert _picks(form, "field-config-collection") == [made.slug]


def test_tools_pick_flows_and_credentials_as_nodes_do(
    visitor: Client, flow: Flow, actor: Actor
) -> None:
    create_credential(actor, name="Tools", type="mcp", values={"url": "https://example.com/mcp"})
    other = create_flow(actor, name="Refund")
    form = _form(visitor, flow, "new", "?type=agent")
    assert _picks(form, "field-config-tools-__row__flow-flow") == [other.slug]
    assert _picks(form, "field-config-tools-__row__mcp-credential") == ["Tools"]
    Membership.objects.filter(workspace_id=actor.workspace_id).update(role="viewer")
    form = _form(visitor, flow, "new", "?type=agent")
    assert _picks(form, "field-config-tools-__row__mcp-credential") == []
