"""Values as pages show them: cut to a window, large parts by link."""

from execution.views.values import WINDOW, shown_json, shown_value

REFERENCE = {"$blob": "a" * 64, "kind": "text", "size": 10_000_000, "preview": "Once upon"}


def test_text_is_text_and_numbers_are_said() -> None:
    assert shown_value("Hi").kind == "text"
    assert shown_value(False).text == "false"
    assert shown_value(3).text == "3"
    assert shown_value(None).kind == shown_value({}).kind == "empty"


def test_an_object_of_texts_is_shown_field_by_field() -> None:
    value = shown_value({"german": "Hallo", "urgent": True})
    assert value.kind == "fields"
    assert [(name, part.text) for name, part in value.fields] == [
        ("german", "Hallo"),
        ("urgent", "true"),
    ]


def test_anything_deeper_is_json() -> None:
    value = shown_value({"a": {"b": 1}})
    assert value.kind == "json"
    assert '"b": 1' in value.text


def test_a_long_value_is_cut_to_the_window() -> None:
    assert shown_value("x" * 1_000_000).cut
    assert len(shown_value("x" * 1_000_000).text) == WINDOW
    assert shown_json(["x"] * 100_000).cut


def test_a_reference_shows_its_beginning_and_where_the_rest_is() -> None:
    whole = shown_value(REFERENCE)
    assert (whole.kind, whole.text) == ("large", "Once upon")
    assert whole.large[0].size == 10_000_000
    part = shown_json({"pages": [{"text": REFERENCE}]})
    assert "Once upon… (10,000,000 bytes in all)" in part.text
    assert part.large[0].path == "pages[0].text"
