"""The form that starts a run: what is shown, what is read, where errors stand."""

from typing import Any

import pytest
from django.http import QueryDict

from execution.views.run_form import empty_form, read_form, sample_inputs
from flows.engine.document import Document, parse

FIELDS = [
    {"name": "title", "type": "string", "required": True, "description": "What it is about"},
    {"name": "tone", "type": "string", "default": "kind"},
    {"name": "count", "type": "number"},
    {"name": "loud", "type": "boolean"},
    {"name": "tags", "type": "list"},
    {"name": "extra", "type": "json"},
]


def _document(fields: Any = FIELDS) -> Document:
    node = {"id": "start", "type": "input", "config": {"fields": fields}}
    return parse({"schema": "fluxprompt.flow/v1", "name": "Form", "nodes": [node]})


def _sent(**values: str) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, value in values.items():
        data[f"input-{name}"] = value
    return data


def test_the_form_shows_the_fields_with_their_defaults() -> None:
    fields = {field.name: field for field in empty_form(_document()).fields}
    assert list(fields) == ["title", "tone", "count", "loud", "tags", "extra"]
    assert fields["title"].required
    assert fields["title"].description == "What it is about"
    assert fields["tone"].value == "kind"
    assert fields["loud"].value is False
    assert fields["extra"].is_code


def test_the_inputs_of_an_earlier_run_fill_the_form() -> None:
    given = {"title": "Hi", "loud": True, "tags": ["a", "b"], "extra": {"x": 1}}
    fields = {field.name: field.value for field in empty_form(_document(), given).fields}
    assert fields["title"] == "Hi"
    assert fields["tone"] == ""
    assert fields["loud"] is True
    assert fields["tags"] == "a\nb"
    assert fields["extra"] == '{\n  "x": 1\n}'


def test_a_value_that_is_stored_by_reference_is_left_out_of_the_form() -> None:
    given = {"title": {"$blob": "a" * 64, "kind": "text", "size": 10_000_000, "preview": "…"}}
    assert empty_form(_document(), given).fields[0].value == ""


def test_what_is_sent_becomes_typed_inputs() -> None:
    sent = _sent(
        title="A\r\nB", tone="", count="2.5", loud="on", tags="x\n\n y ", extra='{"a": [1]}'
    )
    submitted = read_form(_document(), sent)
    assert not submitted.form.has_errors
    assert submitted.inputs == {
        "title": "A\nB",
        "tone": "",
        "count": 2.5,
        "loud": True,
        "tags": ["x", "y"],
        "extra": {"a": [1]},
    }


def test_fields_left_empty_are_not_sent_on() -> None:
    assert read_form(_document(), _sent()).inputs == {"loud": False, "tone": ""}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("count", "many", "Write a number"),
        ("count", "inf", "finite"),
        ("count", "nan", "finite"),
        ("extra", "{bad", "no valid JSON"),
        ("extra", "[" * 100_000, "JSON"),
        ("tags", "[1, ", "no valid JSON"),
    ],
)
def test_what_cannot_be_read_is_an_error_at_its_field(name: str, text: str, words: str) -> None:
    form = read_form(_document(), _sent(**{name: text})).form
    field = next(field for field in form.fields if field.name == name)
    assert words in field.errors[0]
    assert field.value == text


def test_errors_of_the_service_stand_at_their_fields_and_the_rest_above() -> None:
    form = empty_form(_document()).with_errors(
        [
            {"path": "inputs.title", "code": "required", "message": "Give a title."},
            {"path": "tags[0]", "code": "type", "message": "Not text."},
            {"path": "", "code": "x", "message": "Not now."},
        ]
    )
    fields = {field.name: field.errors for field in form.fields}
    assert fields["title"] == ("Give a title.",)
    assert fields["tags"] == ("Not text.",)
    assert form.errors == ("Not now.",)


def test_a_draft_with_odd_fields_still_has_a_form() -> None:
    form = empty_form(_document([{"type": "string"}, "odd", {"name": "ok", "type": 5}]))
    assert [field.name for field in form.fields] == ["ok"]
    assert not empty_form(_document("nothing")).fields


def test_an_example_call_names_what_is_needed() -> None:
    assert sample_inputs(_document()) == {"title": "…", "tone": "kind"}
