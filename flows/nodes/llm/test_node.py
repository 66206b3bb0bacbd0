"""The llm node asks, checks and, once, asks again."""

import time
from typing import Any

import pytest

from flows.engine.errors import NodeError
from flows.engine.tests.support import FakeContext, answer, perform
from flows.nodes.llm.answer import AnswerUnreadable, json_of

SCHEMA = {
    "type": "object",
    "properties": {"urgent": {"type": "boolean"}},
    "required": ["urgent"],
}
ASK = {"prompt": "Urgent?", "output_schema": SCHEMA}


def failure(config: dict[str, Any], world: FakeContext) -> NodeError:
    with pytest.raises(NodeError) as caught:
        perform("llm", config, world, {"a": ""})
    return caught.value


def test_an_answer_becomes_text_with_usage() -> None:
    world = FakeContext(models=[answer("Hello", tokens=3)])
    result = perform("llm", {"prompt": "Hi {{ a }}", "system": "Be kind"}, world, {"a": 1})
    assert world.requests[0].messages == ({"role": "user", "content": "Hi 1"},)
    assert world.requests[0].system == "Be kind"
    assert result.output["text"] == "Hello"
    assert result.output["json"] is None
    assert result.output["usage"]["output_tokens"] == 3
    assert (result.output["model"], result.output["finish_reason"]) == ("fake/model", "stop")


def test_settings_reach_the_model_and_blank_ones_do_not() -> None:
    world = FakeContext(models=[answer("x"), answer("x")])
    config = {"prompt": "p", "model": "openai/gpt", "max_tokens": "50", "temperature": 0}
    perform("llm", {**config, "effort": "low"}, world)
    perform("llm", {"prompt": "p", "max_tokens": "", "temperature": "", "effort": ""}, world)
    first, second = world.requests
    assert (first.model, first.max_tokens, first.temperature) == ("openai/gpt", 50, 0)
    assert first.effort == "low"
    assert (second.model, second.max_tokens, second.temperature, second.effort) == (
        "",
        None,
        None,
        None,
    )


def test_braces_from_data_reach_the_model_as_text() -> None:
    world = FakeContext(models=[answer("{{ 2+2 }}")])
    result = perform("llm", {"prompt": "Say: {{ a }}"}, world, {"a": "{{ 1+1 }}"})
    assert world.requests[0].messages[0]["content"] == "Say: {{ 1+1 }}"
    assert result.output["text"] == "{{ 2+2 }}"


def test_an_answer_that_fits_the_schema_becomes_json() -> None:
    world = FakeContext(models=[answer('```json\n{"urgent": true}\n```')])
    assert perform("llm", ASK, world).output["json"] == {"urgent": True}
    assert world.requests[0].schema == SCHEMA


def test_an_answer_that_does_not_fit_is_repaired_once_and_both_calls_are_counted() -> None:
    world = FakeContext(models=[answer('{"urgent": "very"}'), answer('{"urgent": true}')])
    result = perform("llm", ASK, world)
    assert result.output["json"] == {"urgent": True}
    assert result.output["usage"]["input_tokens"] == 10
    question, first, repair = world.requests[1].messages
    assert question["content"] == "Urgent?"
    assert first == {"role": "assistant", "content": '{"urgent": "very"}'}
    assert "'very' is not of type 'boolean'" in repair["content"]


def test_two_bad_answers_fail_saying_what_was_wrong() -> None:
    error = failure(ASK, FakeContext(models=[answer("no"), answer("{}")]))
    assert error.code == "output_invalid"
    assert "'urgent' is a required property" in error.message
    assert error.details["answer"] == "{}"
    assert not error.retryable


def test_a_cut_answer_is_not_asked_for_again() -> None:
    world = FakeContext(models=[answer('{"urgent": tr', finish_reason="length")])
    error = failure(ASK, world)
    assert (error.code, error.field) == ("output_cut", "max_tokens")
    assert len(world.requests) == 1


@pytest.mark.parametrize("reason", ["refusal", "content_filter"])
def test_a_refusal_fails_with_its_own_code(reason: str) -> None:
    error = failure({"prompt": "p"}, FakeContext(models=[answer("", finish_reason=reason)]))
    assert error.code == "model_refused"


def test_an_empty_prompt_is_refused_before_the_model_is_asked() -> None:
    world = FakeContext()
    assert failure({"prompt": "{{ a }}"}, world).field == "prompt"
    assert world.requests == []


def test_a_large_text_is_loaded_into_the_prompt() -> None:
    reference = {"$blob": "a" * 64, "kind": "text", "size": 10_000_000, "preview": "x"}
    world = FakeContext(models=[answer("ok")])
    big = "x" * 10_000_000
    perform("llm", {"prompt": "Sum: {{ a }}"}, world, {"a": reference}, load=lambda _: big)
    assert len(world.requests[0].messages[0]["content"]) == 10_000_005


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"patternProperties": {"(a+)+$": {}}},
        {"description": "x" * 100_001},
    ],
)
def test_schemas_that_cannot_be_used_are_refused(schema: dict[str, Any]) -> None:
    assert failure({"prompt": "p", "output_schema": schema}, FakeContext()).field == "output_schema"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "https://example.com/schema"},
        {
            "$ref": "#/$defs/a0",
            "$defs": {
                **{f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(40)},
                "a40": {},
            },
        },
    ],
    ids=["loop", "remote", "bomb"],
)
def test_schemas_that_would_never_end_fail_the_node(schema: dict[str, Any]) -> None:
    error = failure({"prompt": "p", "output_schema": schema}, FakeContext(models=[answer("1")]))
    assert (error.code, error.field) == ("config_invalid", "output_schema")


def test_a_slow_pattern_is_not_run() -> None:
    schema = {"type": "string", "pattern": "^(a+)+$"}
    world = FakeContext(models=[answer('"' + "a" * 60 + 'b"')])
    output = perform("llm", {"prompt": "p", "output_schema": schema}, world).output
    assert output["json"] == "a" * 60 + "b"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('Sure! {"a": [1]} Anything else?', {"a": [1]}),
        ('As in [1], it is {"a": 2}', {"a": 2}),
        ("```\n[1, 2]\n```", [1, 2]),
        ('Here:\n```json\n{"a": "```"}\n```', {"a": "```"}),
        ("42", 42),
        ("```JSON [1, 2]```", [1, 2]),
        ("```\n{}``` and ```\n[1, 2]```", {}),
    ],
)
def test_json_is_found_in_an_answer(text: str, value: Any) -> None:
    assert json_of(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "``` " + " " * 400_000 + "x",
        "```" + "a" * 400_000 + "`",
        "``` \n" * 100_000,
        "`" * 400_000,
        "[" + " " * 400_000 + "{" * 30,
        "{[" * 200_000,
        "[" + "[]," * 1_500_000,
    ],
    ids=lambda text: text[:8],
)
def test_an_answer_that_is_no_json_is_read_once(text: str) -> None:
    began = time.process_time()
    with pytest.raises(AnswerUnreadable):
        json_of(text)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("text", ["", "I cannot say", "{a: 1}", "[" * 100_000, '{"a": NaN'])
def test_an_answer_without_json_says_so(text: str) -> None:
    with pytest.raises(AnswerUnreadable):
        json_of(text)
