"""YAML that is exported reads the same elsewhere: by YAML 1.1 (PyYAML) and the core of 1.2."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.engine.document import dump, dump_yaml, parse
from flows.engine.json_values import same

#: What some reader takes for a boolean, null, number, date, or something of its own.
WORDS = """
yes|Yes|NO|no|on|Off|OFF|true|FALSE|null|Null|NULL|~|=|<<|2026-01-01|2026-1-1T10:00:00Z
2026-01-01 10:00:00|0x1F|-0x1f|0o14|014|0b101|1:30|190:20:30|190:20:30.15|1_000|1_000.5|.5|5.
+1|-1|1e3|1.0e+3|12e03|.inf|-.Inf|+.INF|.nan|.NaN|-|--|---|...|?|:|,|[|]|{|}|#|&|*|!|>|%|@|`
y|n|Y|N|a: b|a #b|- a|'|"|null | |
""".strip("\n").replace("\n", "|")


def read_elsewhere(value: Any) -> tuple[Any, Any]:
    """A value, and what PyYAML's own reader makes of it after the export."""
    node = {"id": "a", "type": "input", "config": {"list": [value], "map": {"value": value}}}
    document = parse({"name": "X", "nodes": [node], "layout": {"a": {"x": 1.5, "y": 2}}})
    return dump(document), yaml.load(dump_yaml(document), Loader=yaml.SafeLoader)


@pytest.mark.parametrize("word", [*WORDS.split("|"), "|", "\tx", "x\n"])
def test_a_text_stays_a_text_for_readers_of_yaml_1_1(word: str) -> None:
    written, read = read_elsewhere(word)
    assert same(written, read)
    written, read = read_elsewhere({word: 1})
    assert same(written, read)


@pytest.mark.parametrize("word", ["0o14", "-0o7", "0x1F", ".inf", "+12", "1e3", "5."])
def test_a_text_that_is_a_number_in_yaml_1_2_is_quoted(word: str) -> None:
    document = parse({"name": word, "nodes": [{"id": "a", "type": "input"}]})
    assert f"name: '{word}'\n" in dump_yaml(document)


@pytest.mark.parametrize("value", [None, True, False, 0, -5, 10**76, 0.1, 1e-05, 1.5e-07, 5e-324])
def test_other_values_keep_their_kind(value: Any) -> None:
    written, read = read_elsewhere(value)
    assert same(written, read)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40))
def test_any_text_reads_the_same_elsewhere(text: str) -> None:
    written, read = read_elsewhere(text)
    assert same(written, read)


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"\A[-+.~0-9_:eExob aftnulsyYNTFO]{1,10}\Z"))
def test_any_text_that_looks_like_a_value_reads_the_same_elsewhere(text: str) -> None:
    written, read = read_elsewhere(text)
    assert same(written, read)


def test_words_that_mean_nothing_else_stay_plain() -> None:
    node = {"id": "a", "type": "input", "label": "Yes please", "config": {"v": "2026 words"}}
    text = dump_yaml(parse({"name": "on it", "nodes": [node], "layout": {"a": {"x": 1, "y": 2}}}))
    assert "'" not in text
    assert '"' not in text
