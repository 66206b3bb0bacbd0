"""What a model is told to draft a flow, and how its answer is read."""

import json
from typing import Any

import pytest

from flows.describing import (
    MOST_SHOWN,
    NoFlow,
    complaints_of,
    question,
    question_again,
    read_answer,
)
from flows.engine.document import admit
from flows.engine.registry import registry
from flows.services import starter

JSON = Any


def answer(**changes: JSON) -> str:
    return json.dumps({**starter("From the model"), **changes})


def test_the_model_is_told_of_every_type_and_every_field_it_may_set() -> None:
    told = question("Sort my mail").system
    for kind in registry().all():
        section = told.split(f"\n{kind.type}: ")[1].split("\n\n")[0]
        assert kind.summary in section
        for field in kind.config.model_json_schema().get("properties", {}):
            assert f"\n  {field} (" in section


def test_a_flow_that_is_to_be_changed_is_shown_without_its_layout() -> None:
    current = admit(starter("Present"))
    prompt = question("Add a summary", current).prompt
    assert '"id": "start"' in prompt
    assert "layout" not in prompt
    assert prompt.startswith("What is wanted:\nAdd a summary")


def test_a_flow_too_long_to_be_shown_is_refused_with_what_to_do() -> None:
    document = starter("Long")
    document["nodes"][1]["config"]["value"] = "x" * MOST_SHOWN
    with pytest.raises(NoFlow, match="use this one as a sub-flow"):
        question("Change it", admit(document))


@pytest.mark.parametrize("form", ["{}", "Here it is:\n```json\n{}\n```\nEnjoy!", "Sure. {} Done."])
def test_the_document_is_found_in_an_answer(form: str) -> None:
    drafted = read_answer(form.replace("{}", answer()), name="Mine")
    assert drafted.document.name == "Mine"
    assert [node.id for node in drafted.document.nodes] == ["start", "result"]
    assert not drafted.errors


def test_places_that_a_model_made_up_do_not_count() -> None:
    assert read_answer(answer(layout={"start": {"x": 9, "y": 9}})).document.layout == {}


def test_an_answer_with_errors_is_read_and_says_them() -> None:
    nodes = [*starter("x")["nodes"], {"id": "b", "type": "output", "config": {"value": "{{ no }}"}}]
    drafted = read_answer(answer(nodes=nodes))
    said = complaints_of(drafted.errors)
    assert any(line.startswith("b.config.value: ") or line.startswith("b.") for line in said)


@pytest.mark.parametrize(
    "text", ["", "I cannot do that.", "[1, 2]", "{}", '{"nodes": []}', '{"nodes": [{"id": "A b"}]}']
)
def test_what_is_no_flow_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(NoFlow, match=r"^The answer .*\.$"):
        read_answer(text)


def test_the_second_question_holds_the_first_the_answer_and_the_complaints() -> None:
    first = question("Sort my mail")
    second = question_again(first, "nonsense", ["a.value: not there", "b: no type"])
    assert second.system == first.system
    assert second.prompt.startswith(first.prompt)
    assert "nonsense" in second.prompt
    assert "- a.value: not there\n- b: no type" in second.prompt
