"""The memory node adds, reads and clears, and says what is wrong."""

from typing import Any

import pytest

from flows.engine.doors.memory import VALUE_BYTES
from flows.engine.errors import NodeError
from flows.engine.tests.fake_doors import FakeMemories
from flows.engine.tests.support import FakeContext, perform


def world(*entries: Any, session: str | None = "s") -> FakeContext:
    kept = {("session", "log"): list(entries)}
    return FakeContext(memory=FakeMemories(session, kept))


def failure(config: dict[str, Any], given: FakeContext) -> NodeError:
    with pytest.raises(NodeError) as caught:
        perform("memory", {"name": "log", **config}, given, {"x": ""})
    return caught.value


def test_what_is_added_is_given_with_the_others_and_braces_stay_text() -> None:
    given = world({"role": "assistant", "content": "Hello"})
    config = {"action": "append", "name": " log ", "value": {"role": "user", "content": "{{ x }}"}}
    result = perform("memory", config, given, {"x": "{{ 1+1 }}"})
    assert result.output == {
        "entries": [
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "{{ 1+1 }}"},
        ],
        "text": "assistant: Hello\nuser: {{ 1+1 }}",
        "count": 2,
        "dropped": 0,
    }


@pytest.mark.parametrize(
    ("config", "entries"),
    [
        ({}, ["a", 2, {"b": 3}]),
        ({"limit": 2}, [2, {"b": 3}]),
        ({"limit": ""}, ["a", 2, {"b": 3}]),
        ({"select": "first"}, ["a"]),
        ({"select": "first", "limit": "2"}, ["a", 2]),
        ({"select": "last"}, [{"b": 3}]),
        ({"select": "last", "limit": 2}, [2, {"b": 3}]),
    ],
)
def test_entries_are_read_oldest_first(config: dict[str, Any], entries: list[Any]) -> None:
    result = perform("memory", {"name": "log", **config}, world("a", 2, {"b": 3}))
    assert result.output["entries"] == entries
    assert result.output["count"] == 3


def test_text_has_a_line_for_each_entry() -> None:
    result = perform("memory", {"name": "log"}, world("a", 2, {"role": "user", "content": [1]}))
    assert result.output["text"] == "a\n2\nuser: [1]"


def test_clear_forgets_and_says_how_many() -> None:
    given = world("a", "b")
    result = perform("memory", {"name": "log", "action": "clear"}, given)
    assert result.output == {"entries": [], "text": "", "count": 0, "dropped": 2}
    assert perform("memory", {"name": "log"}, given).output["count"] == 0


def test_a_run_without_a_session_is_told_where_session_ids_come_from() -> None:
    error = failure({"action": "append", "value": 1}, world(session=None))
    assert (error.code, error.field) == ("memory_session_missing", "scope")
    assert "session_id" in error.message
    assert "flow or workspace" in error.message
    result = perform("memory", {"name": "log", "scope": "flow"}, world(session=None))
    assert result.output["entries"] == []


@pytest.mark.parametrize(
    ("config", "code", "says"),
    [
        ({"action": "append"}, "config_invalid", "'value' is what append adds"),
        ({"name": "{{ x }}"}, "config_invalid", "name is empty"),
        ({"name": "a\nb"}, "config_invalid", "control character"),
        ({"name": "n" * 101}, "config_invalid", "100 characters"),
        ({"limit": 0}, "config_invalid", "limit"),
        ({"limit": 1_001}, "config_invalid", "limit"),
        ({"scope": "world"}, "config_invalid", "scope"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    config: dict[str, Any], code: str, says: str
) -> None:
    error = failure(config, world())
    assert error.code == code
    assert says in error.message


def test_a_value_may_be_as_large_as_the_limit_and_no_larger() -> None:
    given = world()
    fits = "x" * (VALUE_BYTES - 2)
    perform("memory", {"name": "log", "action": "append", "value": fits}, given)
    error = failure({"action": "append", "value": f"{fits}y"}, given)
    assert (error.code, error.field) == ("memory_value_too_large", "value")
    assert "100,001 bytes" in error.message
    assert len(given.memory.kept["session", "log"]) == 1
