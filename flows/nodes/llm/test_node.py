"""The llm node asks, checks and, once, asks again."""

import asyncio
import time
from typing import Any

import pytest

from flows.engine.doors.memory import Turn
from flows.engine.errors import NodeError
from flows.engine.model_answer import AnswerUnreadable, json_of
from flows.engine.node_type import ModelAnswer, ModelRequest
from flows.engine.tests.fake_doors import FakeMemories
from flows.engine.tests.support import FakeContext, answer, perform

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


def down(code: str = "model_unavailable", *, retryable: bool = True) -> NodeError:
    return NodeError(code, f"No answer: {code}.", retryable=retryable)


def models(world: FakeContext) -> list[str]:
    return [request.model for request in world.requests]


FALLBACKS = {"prompt": "Hi", "model": "a/one", "fallback_models": ["b/two", "c/three"]}


@pytest.mark.parametrize(
    "code",
    [
        *("model_unknown", "model_not_configured", "model_auth", "model_quota"),
        *("model_unavailable", "model_rate_limited", "model_context_window"),
    ],
)
def test_the_next_model_is_asked_at_once_where_it_may_do_better(code: str) -> None:
    world = FakeContext(models=[down(code), down(code), answer("Hello")], last=False)
    output = perform("llm", FALLBACKS, world).output
    assert models(world) == ["a/one", "b/two", "c/three"]
    assert output["text"] == "Hello"
    assert output["fallbacks"] == [
        {"model": name, "code": code, "message": f"No answer: {code}."}
        for name in ("a/one", "b/two")
    ]
    assert world.restarts == 2


def test_a_refusal_moves_on_to_the_next_model() -> None:
    world = FakeContext(models=[answer("", finish_reason="refusal"), answer("Hello")])
    output = perform("llm", FALLBACKS, world).output
    assert [failed["code"] for failed in output["fallbacks"]] == ["model_refused"]


def test_what_may_pass_is_tried_again_before_the_next_model_is_asked() -> None:
    assert failure(FALLBACKS, FakeContext(models=[down("timeout")], last=False)).code == "timeout"
    world = FakeContext(models=[down("timeout"), answer("Hello")], last=True)
    assert perform("llm", FALLBACKS, world).output["text"] == "Hello"


def test_an_answer_that_never_fits_moves_on_to_the_next_model() -> None:
    world = FakeContext(models=[answer("no"), answer("nor this"), answer('{"urgent": true}')])
    output = perform("llm", {**ASK, "fallback_models": ["b/two"]}, world, {"a": ""}).output
    assert output["json"] == {"urgent": True}
    assert [(fact["model"], fact["code"]) for fact in output["fallbacks"]] == [
        ("the default model", "output_invalid")
    ]


@pytest.mark.parametrize("code", ["budget_exceeded", "config_invalid"])
def test_what_every_model_would_meet_is_not_asked_of_the_others(code: str) -> None:
    world = FakeContext(models=[down(code, retryable=False)])
    assert failure(FALLBACKS, world).code == code
    assert models(world) == ["a/one"]


def test_where_all_fail_the_error_that_may_pass_counts_and_the_others_are_named() -> None:
    errors = [down("model_unknown", retryable=False), down(), down("model_auth", retryable=False)]
    error = failure(FALLBACKS, FakeContext(models=[*errors], last=False))
    assert (error.code, error.retryable) == ("model_unavailable", True)
    assert "a/one (model_unknown); c/three (model_auth)" in error.message
    assert [fact["model"] for fact in error.details["fallbacks"]] == ["a/one", "b/two", "c/three"]
    error = failure(FALLBACKS, FakeContext(models=[down("model_auth", retryable=False)] * 3))
    assert error.message.startswith("No answer: model_auth. The other models failed as well")


def test_without_fallbacks_nothing_is_said_of_them() -> None:
    world = FakeContext(models=[answer("Hello")])
    assert "fallbacks" not in perform("llm", {"prompt": "Hi"}, world).output
    error = failure({"prompt": "Hi"}, FakeContext(models=[down()]))
    assert error.message == "No answer: model_unavailable."


def test_a_model_that_hangs_leaves_time_to_the_others_in_the_last_attempt() -> None:
    class Hanging(FakeContext):
        async def model(self, request: ModelRequest) -> ModelAnswer:
            if request.model == "a/one":
                await asyncio.sleep(30)
            return await super().model(request)

    world = Hanging(models=[answer("Hello")], seconds_left=0.3)
    output = perform("llm", FALLBACKS, world).output
    assert output["text"] == "Hello"
    assert "0.1 s" in output["fallbacks"][0]["message"]


@pytest.mark.parametrize("value", [["no slash"], ["a/b"] * 6, "a/b"])
def test_fallback_models_are_a_short_list_of_names(value: Any) -> None:
    error = failure({"prompt": "p", "fallback_models": value}, FakeContext())
    assert error.code == "config_invalid"
    assert (error.field or "").startswith("fallback_models")


def remembering(*turns: Turn, session: str | None = "s") -> FakeMemories:
    return FakeMemories(session, said=list(turns))


def test_earlier_turns_go_before_the_prompt_and_this_one_is_kept() -> None:
    said = (Turn("one", "1"), Turn("{{ a }}", " "), Turn("three", "3"))
    world = FakeContext(models=[answer("four")], memory=remembering(*said))
    perform("llm", {"prompt": "Say {{ a }}", "memory": {"turns": 2}}, world, {"a": "{{ 1+1 }}"})
    assert [(m["role"], m["content"]) for m in world.requests[0].messages] == [
        ("user", "{{ a }}"),
        ("assistant", "(nothing)"),
        ("user", "three"),
        ("assistant", "3"),
        ("user", "Say {{ 1+1 }}"),
    ]
    assert world.memory.new_turns == [Turn("Say {{ 1+1 }}", "four")]


def test_fallback_models_are_shown_the_same_turns_and_one_turn_is_kept() -> None:
    refused = NodeError("model_unavailable", "Down.", retryable=True)
    world = FakeContext(models=[refused, answer("x")], memory=remembering(Turn("q", "a")))
    config = {"prompt": "p", "model": "a/b", "fallback_models": ["c/d"], "memory": {"turns": 5}}
    perform("llm", config, world)
    first, second = world.requests
    assert first.messages == second.messages
    assert len(first.messages) == 3
    assert world.memory.new_turns == [Turn("p", "x")]


def test_an_answer_that_cannot_be_used_is_not_kept() -> None:
    world = FakeContext(models=[answer("no"), answer("no")], memory=remembering())
    assert failure({**ASK, "memory": {"turns": 5}}, world).code == "output_invalid"
    assert world.memory.new_turns == []


@pytest.mark.parametrize("config", [{}, {"memory": None}, {"memory": ""}])
def test_nothing_is_remembered_unless_asked_for(config: dict[str, Any]) -> None:
    world = FakeContext(models=[answer("x")], memory=remembering(Turn("q", "a")))
    perform("llm", {"prompt": "p", **config}, world)
    assert len(world.requests[0].messages) == 1
    assert world.memory.new_turns == []


@pytest.mark.parametrize("turns", [0, 51, "many"])
def test_turns_are_between_1_and_50(turns: Any) -> None:
    error = failure({"prompt": "p", "memory": {"turns": turns}}, FakeContext())
    assert (error.code, error.field) == ("config_invalid", "memory.turns")
