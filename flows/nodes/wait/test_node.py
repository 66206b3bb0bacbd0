"""How long a wait lasts."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from flows.engine.document import parse
from flows.engine.errors import NodeError, Problem
from flows.engine.node_call import check_config
from flows.engine.registry import registry
from flows.engine.validate import validate
from flows.nodes.wait.node import NODE, Config, seconds_to_wait

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_seconds_are_waited_as_they_are() -> None:
    assert seconds_to_wait(Config(seconds=90.5), NOW) == 90.5


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        ("2026-11-25T12:01:00Z", 60),
        ("2026-11-25T14:00:00+01:00", 3600),
        ("2026-11-25T12:00:30", 30),
        ("2026-11-25", 0),
        ("2020-01-01T00:00:00Z", 0),
    ],
)
def test_a_moment_is_waited_for_and_none_that_has_passed(until: str, seconds: float) -> None:
    assert seconds_to_wait(Config(until=until), NOW) == seconds


def test_what_is_too_far_away_says_so() -> None:
    with pytest.raises(NodeError) as caught:
        seconds_to_wait(Config(until="2099-01-01T00:00:00Z"), NOW)
    assert (caught.value.code, caught.value.field) == ("config_invalid", "until")


@pytest.mark.parametrize("until", ["tomorrow", "25.11.2026"])
def test_what_is_no_moment_says_so_before_and_while_it_runs(until: str) -> None:
    (problem,) = _problems({"until": until})
    assert (problem.code, problem.path) == ("config_invalid", "until")
    assert problem.message.startswith(f"'until' '{until}' is no moment. Write it as 2027-")
    with pytest.raises(NodeError, match=f"'until': '{until}' is no moment") as caught:
        check_config(NODE, {"until": until})
    assert (caught.value.code, caught.value.field) == ("config_invalid", "until")


def test_a_moment_that_is_still_an_expression_is_not_judged() -> None:
    assert _problems({"until": "{{ start.when }}"}) == []


def test_a_wait_for_nothing_says_what_to_set() -> None:
    (problem,) = _problems({})
    assert (problem.message, problem.path) == ("Set either 'seconds' or 'until'.", None)


def _problems(config: dict[str, object]) -> list[Problem]:
    start = {"id": "start", "type": "input", "config": {"fields": [{"name": "when"}]}}
    nodes = [start, {"id": "pause", "type": "wait", "config": config}]
    nodes.append({"id": "result", "type": "output", "config": {"value": "1"}})
    edges = [{"from": "start", "to": "pause"}, {"from": "pause", "to": "result"}]
    return validate(parse({"name": "T", "nodes": nodes, "edges": edges}), registry())


@pytest.mark.parametrize("config", [{}, {"seconds": 1, "until": "2027-01-01"}, {"seconds": -1}])
def test_one_of_seconds_and_until_is_wanted(config: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(config)
