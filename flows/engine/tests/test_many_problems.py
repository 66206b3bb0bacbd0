"""However much is wrong with a document, it is told in a few seconds and in a few problems."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flows.engine.document import parse
from flows.engine.errors import MAX_PROBLEMS, DocumentInvalid, Problem, limited
from flows.engine.inputs import MAX_UNKNOWN, validate_inputs
from flows.engine.names import nearest, suggestion
from flows.engine.registry import registry
from flows.engine.validate import validate

CPU_SECONDS = 4.0
LONG = "a_long_name_like_all_of_the_others_in_this_flow_number"


@contextmanager
def _soon(seconds: float = CPU_SECONDS) -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


def _problems(nodes: list[dict[str, Any]], edges: list[dict[str, str]]) -> list[Problem]:
    return validate(parse({"name": "Much", "nodes": nodes, "edges": edges}), registry())


def _check(problems: list[Problem], code: str) -> None:
    assert len(problems) == MAX_PROBLEMS + 1
    assert sum(problem.code == code for problem in problems) > MAX_PROBLEMS // 2
    last = problems[-1]
    assert (last.code, last.severity) == ("more_problems", "error")
    assert "more problems. Solve these first." in last.message


def test_thousands_of_edges_to_nowhere() -> None:
    nodes = [{"id": f"{LONG}_{n:03}", "type": "merge"} for n in range(500)]
    edges = [{"from": f"{LONG}_x{n}", "to": f"{LONG}_y{n}"} for n in range(10_000)]
    with _soon():
        problems = _problems(nodes, edges)
    _check(problems, "unknown_node")
    assert "Did you mean" in problems[1].message
    assert "Did you mean" not in problems[150].message


def test_thousands_of_nodes_of_unknown_types_and_ports() -> None:
    nodes: list[dict[str, Any]]
    nodes = [{"id": f"n{n}", "type": f"templat{n}"} for n in range(2_000)]
    with _soon():
        _check(_problems(nodes, []), "unknown_type")
    cases = [{"name": f"{LONG}_{n}", "when": "{{ true }}"} for n in range(50)]
    nodes = [{"id": "s", "type": "switch", "config": {"cases": cases}}]
    nodes += [{"id": f"n{n}", "type": "merge"} for n in range(1_500)]
    edges = [{"from": f"s.{LONG}_x", "to": f"n{n}"} for n in range(1_500)]
    with _soon():
        _check(_problems(nodes, edges), "unknown_port")


def test_thousands_of_references_to_nowhere() -> None:
    text = " ".join("{{ " + LONG + f"_x{n}" + " }}" for n in range(4_000 // 2))
    nodes: list[dict[str, Any]]
    nodes = [{"id": f"{LONG}_{n}", "type": "merge"} for n in range(500)]
    nodes += [{"id": "end", "type": "output", "config": {"value": [text] * 2}}]
    edges = [{"from": f"{LONG}_{n}", "to": "end"} for n in range(500)]
    with _soon():
        _check(_problems(nodes, edges), "unknown_reference")


def test_thousands_of_references_to_unknown_fields() -> None:
    fields = [{"name": f"{LONG}_{n}"[-60:]} for n in range(100)]
    text = " ".join("{{ start." + LONG + f"_x{n}" + " }}" for n in range(2_000))
    nodes = [
        {"id": "start", "type": "input", "config": {"fields": fields}},
        {"id": "end", "type": "output", "config": {"value": text}},
    ]
    with _soon():
        _check(_problems(nodes, [{"from": "start", "to": "end"}]), "unknown_field")


@pytest.mark.parametrize(
    "document",
    [
        {f"{LONG}_{n}": 1 for n in range(50_000)},
        {"nodes": [{f"labe{n}": 1, "id": "a", "type": "merge"} for n in range(2_000)]},
        {"nodes": [{"retry": {f"max_attempt{n}": 1}, "id": "a"} for n in range(2_000)]},
        {"edges": [{"from": "a", "to": "b", **dict.fromkeys(map(str, range(5)))}] * 10_000},
    ],
)
def test_thousands_of_unknown_keys(document: dict[str, Any]) -> None:
    with _soon(), pytest.raises(DocumentInvalid) as caught:
        parse({"name": "Much", **document})
    _check(caught.value.problems, "unknown_key")


def test_thousands_of_unknown_settings_of_a_node() -> None:
    config = {f"{LONG}_{n}": 1 for n in range(20_000)}
    with _soon():
        _check(_problems([{"id": "t", "type": "template", "config": config}], []), "config_unknown")


def test_thousands_of_unknown_inputs() -> None:
    fields = [{"name": f"{LONG}_{n}"} for n in range(500)]
    with _soon():
        _, problems = validate_inputs(fields, {f"{LONG}_x{n}": 1 for n in range(50_000)})
    assert len(problems) == MAX_UNKNOWN + 1
    assert problems[-1]["message"] == "49,950 more inputs are unknown. Leave them out."


def test_an_error_behind_many_warnings_stays_among_the_problems() -> None:
    warnings = [Problem("w", str(n), severity="warning") for n in range(500)]
    error = Problem("e", "Mend this.")
    assert limited(warnings[:MAX_PROBLEMS]) == warnings[:MAX_PROBLEMS]
    told = limited([*warnings, error])
    assert error in told
    assert (len(told), told[-1].severity) == (MAX_PROBLEMS + 1, "warning")
    told = limited([*warnings, *[error] * 300, *warnings])
    assert told[:-1] == [error] * MAX_PROBLEMS
    assert told[-1].severity == "error"
    assert "1,100 more" in told[-1].message


def test_the_nearest_of_many_long_names_is_found_in_milliseconds() -> None:
    names = [f"{LONG}_{n:03}" for n in range(500)]
    with _soon(0.5):
        for _ in range(20):
            assert nearest(f"{LONG}_1234", names) is not None
    assert nearest("subjct", [*names[:300], "subject"]) == "subject"
    assert nearest("Subject", [*names[:300], "subject"]) == "subject"
    assert suggestion("zzz", ["a", "b"]) == " Known here: a, b."
