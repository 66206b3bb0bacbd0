"""The inspector's form on the server: a control for every shape of setting, of every node type."""

import json
import re

import pytest
from django.test import Client
from lxml import html
from pydantic import BaseModel, Field

from accounts.models import Membership, User, Workspace
from accounts.permissions import Actor, system_actor
from accounts.services import create_credential
from execution.tests.flows_for_tests import document
from flows.engine.config import NodeConfig
from flows.engine.registry import Registry
from flows.models import Flow
from flows.services import create_flow
from flows.sharing import share_flow
from flows.views.form_fields import fields_of

TYPES = [one.type for one in Registry.read().all()]


def _form(visitor: Client, flow: Flow, node: str, query: str = "") -> html.HtmlElement:
    answer = visitor.get(f"/flows/{flow.id}/nodes/{node}/form/{query}")
    assert answer.status_code == 200
    return html.fromstring(answer.content.decode())


def _field(form: html.HtmlElement, *path: str) -> html.HtmlElement:
    found = [
        f for f in form.iterfind(".//*[@data-path]") if json.loads(f.get("data-path")) == [*path]
    ]
    assert len(found) == 1, path
    return found[0]


@pytest.mark.parametrize("name", TYPES)
def test_every_setting_of_every_type_has_a_control_with_its_title_and_help(
    visitor: Client, flow: Flow, name: str
) -> None:
    form = _form(visitor, flow, "fresh", f"?type={name}")
    node_type = Registry.read().get(name)
    assert node_type is not None
    for field, info in node_type.config.model_fields.items():
        control = _field(form, "config", field)
        text = control.text_content()
        assert (info.title or "") in text
        # Names between backticks are drawn as code.
        assert (info.description or "").replace("`", "") in text
        assert (control.get("data-required") is not None) == info.is_required()


@pytest.mark.parametrize("name", TYPES)
def test_ids_are_there_once_and_labels_lead_to_controls(
    visitor: Client, flow: Flow, name: str
) -> None:
    form = _form(visitor, flow, "fresh", f"?type={name}")
    ids = [element.get("id") for element in form.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert {label.get("for") for label in form.iter("label")} <= set(ids)


@pytest.fixture
def filled(actor: Actor) -> Flow:
    fields = [{"name": "topic", "type": "text", "required": True}, {"name": "n", "type": "number"}]
    nodes = [
        {"id": "start", "type": "input", "config": {"fields": fields}},
        {
            "id": "call",
            "type": "http",
            "label": "Ask",
            "retry": {"max_attempts": 4, "if": "{{ error.status == 500 }}"},
            "config": {
                "url": "https://example.com/{{ start.topic }}",
                "headers": {"X-One": "1"},
                "timeout_seconds": "{{ start.n }}",
                "ok_statuses": [200, 404],
                "body": {"a": [1]},
            },
        },
        {
            "id": "way",
            "type": "switch",
            "config": {"value": "x", "cases": [{"name": "a", "when": 3}]},
        },
        {
            "id": "ask",
            "type": "approval",
            "config": {"message": "?", "assignees": "{{ start.topic }}"},
        },
    ]
    return create_flow(actor, document=document(nodes, ["start>call", "call>way"]))


def test_the_form_shows_what_the_draft_says(visitor: Client, filled: Flow) -> None:
    form = _form(visitor, filled, "call")
    url = _field(form, "config", "url")
    assert url.get("data-kind") == "text"
    assert url.find(".//textarea").text.strip() == "https://example.com/{{ start.topic }}"
    seconds = _field(form, "config", "timeout_seconds")
    assert (seconds.get("data-kind"), seconds.get("data-mode")) == ("number", "expression")
    headers = _field(form, "config", "headers")
    assert headers.get("data-kind") == "pairs"
    row = headers.find(".//li[@data-row]")
    assert row.find(".//*[@data-key='key']//input").get("value") == "X-One"
    assert row.find(".//*[@data-key='value']//textarea").text.strip() == "1"
    body = _field(form, "config", "body")
    assert json.loads(body.find(".//textarea").text) == {"a": [1]}
    assert body.get("data-mode") == "json"
    statuses = _field(form, "config", "ok_statuses")
    assert [one.get("value") for one in statuses.iterfind(".//ol//input")] == ["200", "404"]
    retry = _field(form, "retry")
    assert retry.find(".//*[@data-key='max_attempts']//input").get("value") == "4"
    assert _field(form, "id").find(".//input").get("value") == "call"


def test_lists_of_objects_are_rows_with_a_template_for_the_next(
    visitor: Client, filled: Flow
) -> None:
    fields = _field(_form(visitor, filled, "start"), "config", "fields")
    assert fields.get("data-kind") == "rows"
    rows = fields.findall(".//ol/li")
    assert [row.find(".//*[@data-key='name']//input").get("value") for row in rows] == [
        "topic",
        "n",
    ]
    assert "__row__" in html.tostring(fields.find(".//template")).decode()
    # What is kept as written has nothing to compute.
    assert fields.find(".//flux-code[@evaluated]") is None
    case = _field(_form(visitor, filled, "way"), "config", "cases").find(".//ol/li")
    assert case.find(".//*[@data-key='when']").get("data-mode") == "json"


def test_a_list_by_an_expression_is_shown_as_one(visitor: Client, filled: Flow) -> None:
    people = _field(_form(visitor, filled, "ask"), "config", "assignees")
    assert (people.get("data-kind"), people.get("data-mode")) == ("lines", "expression")
    assert "{{ start.topic }}" in people.find(".//*[@data-expression]//textarea").text


def test_pickers_offer_models_flows_and_members(
    visitor: Client, flow: Flow, filled: Flow, settings: object
) -> None:
    settings.FLUX_LOCAL_MODEL_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    from execution.providers.access import forget_access

    forget_access()
    models = _form(visitor, flow, "ask").xpath("//datalist[@id='pick-models']/option/@value")
    assert "local/smollm2" in models
    flows = _form(visitor, flow, "new", "?type=subflow").xpath("//datalist/option/@value")
    assert filled.slug in flows
    assert flow.slug not in flows
    members = _form(visitor, filled, "ask").xpath("//datalist[@id='pick-members']/option/@value")
    assert [member for member in members if "@" in member] == members != []


def test_the_picker_of_sub_flows_names_no_private_flow_of_somebody_else(
    visitor: Client, actor: Actor, flow: Flow
) -> None:
    hidden = share_flow(actor, create_flow(actor, name="Layoffs"), visibility="private")
    other = User.objects.create_user("bob@example.com", "x")
    Membership.objects.create(workspace=flow.workspace, user=other, role="builder")
    shown = {}
    for name, client in (("maker", visitor), ("other", Client())):
        if name == "other":
            client.force_login(other)
        shown[name] = html.tostring(_form(client, flow, "new", "?type=subflow")).decode()
    for word in (hidden.name, hidden.slug):
        assert word in shown["maker"]
        assert word not in shown["other"]


def test_a_picker_offers_the_credentials_that_fit_to_those_who_build(
    visitor: Client, actor: Actor, flow: Flow
) -> None:
    create_credential(actor, name="Shop", type="bearer", values={"token": "x" * 9})
    create_credential(actor, name="Model", type="openai", values={"api_key": "x" * 9})
    elsewhere = system_actor(Workspace.objects.create(name="B", slug="elsewhere").id, "test")
    create_credential(elsewhere, name="Theirs", type="bearer", values={"token": "x" * 9})
    form = _form(visitor, flow, "new", "?type=http")
    (control,) = form.xpath("//*[@id='field-config-credential']")
    picked = f"//datalist[@id='{control.get('list')}']/option"
    options = [(one.get("value"), one.get("label")) for one in form.xpath(picked)]
    assert options == [("Shop", "Bearer token")]
    Membership.objects.filter(workspace_id=actor.workspace_id).update(role="viewer")
    assert _form(visitor, flow, "new", "?type=http").xpath(picked) == []


class _Part(BaseModel):
    left: dict[str, int] = {}


class _Strange(NodeConfig):
    nested: _Part = Field(default=_Part(), title="Nested")
    pair: tuple[int, str] = Field(title="Pair")
    either: int | str = Field(title="Either")
    lists: list[list[int]] = Field(default=[], title="Lists")


def test_a_shape_that_nobody_foresaw_is_a_json_field() -> None:
    made = fields_of(_Strange.model_json_schema(), {"lists": [[1]], "pair": [1, "a"]}, ("config",))
    kinds = {field.name: field.kind for field in made}
    assert kinds == {"nested": "group", "pair": "json", "either": "json", "lists": "json"}
    assert made[0].fields[0].kind == "json"
    assert json.loads(made[3].text) == [[1]]


def test_a_value_of_another_shape_is_shown_as_it_is(visitor: Client, actor: Actor) -> None:
    nodes = [{"id": "out", "type": "http", "config": {"headers": ["no", "object"], "url": 7}}]
    broken = create_flow(actor, document=document(nodes, []))
    form = _form(visitor, broken, "out")
    headers = _field(form, "config", "headers")
    assert headers.get("data-kind") == "json"
    assert json.loads(headers.find(".//textarea").text) == ["no", "object"]
    assert _field(form, "config", "url").find(".//textarea").text.strip() == "7"


def test_a_type_that_is_not_installed_shows_its_config_as_json(
    visitor: Client, actor: Actor
) -> None:
    nodes = [{"id": "out", "type": "elsewhere", "config": {"a": 1}}]
    form = _form(visitor, create_flow(actor, document=document(nodes, [])), "out")
    assert json.loads(_field(form, "config").find(".//textarea").text) == {"a": 1}


def test_help_of_the_type_is_its_readme(visitor: Client, flow: Flow) -> None:
    form = _form(visitor, flow, "new", "?type=http")
    help_text = form.find(".//*[@data-part='help']").text_content()
    assert re.search(r"Idempotency-Key|address", help_text)


def test_without_the_right_to_edit_nothing_can_be_changed(
    flow: Flow, stranger: object, owner: object
) -> None:
    from accounts.models import Membership, User

    reader = User.objects.create_user("reader@example.com", "x", name="Reader")
    Membership.objects.create(user=reader, workspace=flow.workspace, role="viewer")
    client = Client()
    client.force_login(reader)
    form = _form(client, flow, "ask")
    assert all(one.get("disabled") is not None for one in form.iter("fieldset"))


def test_a_node_that_is_not_there_and_a_type_nobody_knows_are_404(
    visitor: Client, flow: Flow
) -> None:
    assert visitor.get(f"/flows/{flow.id}/nodes/gone/form/").status_code == 404
    assert visitor.get(f"/flows/{flow.id}/nodes/gone/form/?type=gone").status_code == 404
