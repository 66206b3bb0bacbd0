"""The extract node hands on data that fits its schema, or says why there is none."""

from typing import Any

import pytest

from flows.engine.errors import NodeError
from flows.engine.tests.support import FakeContext, answer, perform

SCHEMA = {
    "type": "object",
    "properties": {"total": {"type": ["number", "null"]}},
    "required": ["total"],
}
TAKE = {"text": "{{ a }}", "schema": SCHEMA}


def failure(world: FakeContext, **more: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        perform("extract", {**TAKE, **more}, world, {"a": "x"})
    return caught.value


def test_data_is_checked_and_handed_on() -> None:
    world = FakeContext(models=[answer('{"total": 12.5}', tokens=4)])
    config = {**TAKE, "instructions": "Euros.", "max_tokens": "50"}
    result = perform("extract", config, world, {"a": "Total: 12.50 {{ 1+1 }}"})
    assert result.output["json"] == {"total": 12.5}
    assert result.output["usage"]["input_tokens"] == 4
    (request,) = world.requests
    assert request.messages == ({"role": "user", "content": "Total: 12.50 {{ 1+1 }}"},)
    assert (request.schema, request.max_tokens) == (SCHEMA, 50)
    assert request.system.endswith("Euros.")


def test_what_does_not_fit_is_told_to_the_model_once() -> None:
    world = FakeContext(models=[answer('{"total": "12"}'), answer('{"total": 12}')])
    result = perform("extract", TAKE, world, {"a": "x"})
    assert result.output["json"] == {"total": 12}
    assert result.output["usage"]["input_tokens"] == 10
    assert "does not fit the schema" in world.requests[1].messages[2]["content"]
    assert world.restarts == 1
    assert failure(FakeContext(models=[answer("no")] * 2)).code == "output_invalid"


def test_answers_that_are_cut_off_or_refused_say_so() -> None:
    cut = failure(FakeContext(models=[answer('{"total": ', finish_reason="length")]))
    assert (cut.code, cut.field) == ("output_cut", "max_tokens")
    refused = failure(FakeContext(models=[answer("", finish_reason="content_filter")]))
    assert refused.code == "model_refused"


def test_a_schema_that_is_none_is_refused() -> None:
    error = failure(FakeContext(), schema={"type": "nothing"})
    assert (error.code, error.field) == ("config_invalid", "schema")
