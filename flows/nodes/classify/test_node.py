"""The classify node asks for one of its labels and goes on by its port."""

import json
from typing import Any

import pytest

from flows.engine.errors import NodeError
from flows.engine.tests.support import FakeContext, answer, node_type, perform

LABELS = [{"name": "billing", "description": "Money"}, {"name": "other"}]
SORT = {"text": "{{ a }}", "labels": LABELS}


def test_the_label_is_the_port() -> None:
    world = FakeContext(models=[answer('{"label": "billing"}', tokens=7)])
    result = perform("classify", SORT, world, {"a": "Where is my refund?"})
    assert (result.output["label"], result.ports) == ("billing", ("billing",))
    assert result.output["usage"]["output_tokens"] == 7
    (request,) = world.requests
    assert request.messages == ({"role": "user", "content": "Where is my refund?"},)
    assert request.schema is not None
    assert request.schema["properties"]["label"]["enum"] == ["billing", "other"]
    assert json.dumps(LABELS) in request.system


def test_what_a_text_asks_for_stands_apart_from_the_instructions() -> None:
    world = FakeContext(models=[answer('{"label": "other"}')])
    perform("classify", {**SORT, "instructions": "Be strict."}, world, {"a": "{{ 1+1 }} {x}"})
    (request,) = world.requests
    assert request.messages[0]["content"] == "{{ 1+1 }} {x}"
    assert "{x}" not in request.system
    assert "Be strict." in request.system


def test_an_answer_without_a_label_is_asked_for_once_more() -> None:
    world = FakeContext(models=[answer("Billing, I think"), answer('{"label": "billing"}')])
    result = perform("classify", SORT, world, {"a": "x"})
    assert result.output["label"] == "billing"
    assert result.output["usage"]["input_tokens"] == 10
    world = FakeContext(models=[answer('{"label": "no"}')] * 2)
    with pytest.raises(NodeError) as caught:
        perform("classify", SORT, world, {"a": "x"})
    assert caught.value.code == "output_invalid"


def test_a_refusal_says_so_and_another_model_is_asked() -> None:
    refused = answer("", finish_reason="refusal")
    with pytest.raises(NodeError, match="refused") as caught:
        perform("classify", SORT, FakeContext(models=[refused]), {"a": "x"})
    assert caught.value.code == "model_refused"
    world = FakeContext(models=[refused, answer('{"label": "other"}')])
    result = perform("classify", {**SORT, "fallback_models": ["openai/b"]}, world, {"a": "x"})
    assert result.output["label"] == "other"
    assert [failed["code"] for failed in result.output["fallbacks"]] == ["model_refused"]
    assert world.requests[1].model == "openai/b"


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([], "at least 1"),
        ([{"name": "a"}, {"name": "a"}], "two labels"),
        ([{"name": "error"}], "may not be named"),
        ([{"name": "A b"}], "pattern"),
        ([{"name": f"l{number}"} for number in range(51)], "at most 50"),
    ],
)
def test_labels_that_cannot_be_ports_are_refused(labels: list[Any], said: str) -> None:
    with pytest.raises(NodeError, match=said) as caught:
        perform("classify", {"text": "x", "labels": labels}, FakeContext())
    assert caught.value.field is not None
    assert caught.value.field.startswith("labels")


def test_each_label_has_a_port_also_while_it_is_written() -> None:
    kind = node_type("classify")
    assert kind.port_names({"labels": LABELS}) == ("billing", "other")
    assert kind.port_names({"labels": [{"name": "a"}, {}, None, {"name": "a"}]}) == ("a",)
    assert kind.port_names({"labels": "{{ x }}"}) == ()
    assert kind.port_of is not None
    assert kind.port_of({"label": "billing"}) == "billing"
