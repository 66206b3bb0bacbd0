"""The approval node asks with a checked message, fields, assignees and deadline."""

from typing import Any

import pytest

from flows.engine.document import parse
from flows.engine.errors import NodeError
from flows.engine.node_call import resolve_config
from flows.engine.registry import registry
from flows.engine.tests.support import node_type
from flows.engine.validate import validate


def checked(config: dict[str, Any], context: dict[str, Any] | None = None) -> Any:
    return resolve_config(node_type("approval"), config, context or {})[0]


def refused(config: dict[str, Any]) -> NodeError:
    with pytest.raises(NodeError) as caught:
        checked({"message": "Go?", **config})
    assert caught.value.code == "config_invalid"
    return caught.value


def test_only_a_message_is_needed() -> None:
    config = checked({"message": "Go?"})
    assert (config.fields, config.assignees) == ([], [])
    assert (config.timeout_seconds, config.on_timeout) == (None, "reject")


def test_the_message_and_defaults_of_fields_are_evaluated_once() -> None:
    fields = [{"name": "text", "type": "text", "default": "{{ a.draft }}"}]
    context = {"a": {"draft": "{{ 1+1 }}"}}
    config = checked({"message": "See {{ a.draft }}", "fields": fields}, context)
    assert config.message == "See {{ 1+1 }}"
    assert config.fields[0].default == "{{ 1+1 }}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["Ada@Example.com", "ada@example.com "], ["ada@example.com"]),
        ("ada@example.com", ["ada@example.com"]),
        ("{{ a.team }}", ["x@y.z", "b@c.d"]),
        (["{{ a.team[0] }}"], ["x@y.z"]),
        ("", []),
        (None, []),
    ],
)
def test_assignees_are_addresses_in_small_letters_each_once(
    given: Any, expected: list[str]
) -> None:
    context = {"a": {"team": ["x@y.z", "b@c.d"]}}
    assert checked({"message": "Go?", "assignees": given}, context).assignees == expected


@pytest.mark.parametrize("address", ["ada", "a b@c.d", "a@b.c, d@e.f", "Ada <a@b.c>", "a@b\n.c"])
def test_what_is_no_address_is_refused_with_what_to_do(address: str) -> None:
    error = refused({"assignees": [address]})
    assert error.field == "assignees[0]"
    assert "name a member by theirs" in error.message


@pytest.mark.parametrize("seconds", [0, -1, 367 * 24 * 3600, "soon"])
def test_a_deadline_lies_between_now_and_a_year(seconds: Any) -> None:
    assert refused({"timeout_seconds": seconds}).field == "timeout_seconds"


def test_an_empty_deadline_is_none() -> None:
    assert checked({"message": "Go?", "timeout_seconds": ""}).timeout_seconds is None


def test_an_unknown_outcome_and_two_fields_of_one_name_are_refused() -> None:
    assert refused({"on_timeout": "shrug"}).field == "on_timeout"
    assert "two fields are named 'a'" in refused({"fields": [{"name": "a"}, {"name": "a"}]}).message


def test_it_has_a_port_for_each_decision_and_cannot_continue_on_an_error() -> None:
    assert node_type("approval").port_names({}) == ("approved", "rejected")
    start = {"id": "start", "type": "input"}
    ask = {"id": "ask", "type": "approval", "config": {"message": "Go?"}, "on_error": "continue"}
    edges = [{"from": "start", "to": "ask"}]
    found = validate(parse({"name": "T", "nodes": [start, ask], "edges": edges}), registry())
    assert "continue_without_way" in {problem.code for problem in found}
