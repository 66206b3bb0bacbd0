"""Validation finds what would go wrong, names node and field, and says what to do."""

import itertools
import time
from typing import Any

import pytest

from flows.engine.document import parse
from flows.engine.errors import Problem
from flows.engine.registry import registry
from flows.engine.validate import validate

INPUT = {
    "id": "ticket",
    "type": "input",
    "config": {"fields": [{"name": "subject"}, {"name": "body"}]},
}
OUTPUT = {"id": "end", "type": "output"}


def found(*nodes: dict[str, Any], edges: str | None = None) -> list[Problem]:
    """Problems of ticket → nodes in turn → end, or of the edges given as "a>b c.true>d"."""
    every = [INPUT, *nodes, OUTPUT]
    if edges is None:
        names = [node["id"] for node in every]
        pairs = list(itertools.pairwise(names))
    else:
        pairs = [(edge.split(">")[0], edge.split(">")[1]) for edge in edges.split()]
    edge_list = [{"from": source, "to": target} for source, target in pairs]
    return validate(parse({"name": "Test", "nodes": every, "edges": edge_list}), registry())


def one(*nodes: dict[str, Any], edges: str | None = None) -> Problem:
    problems = found(*nodes, edges=edges)
    assert len(problems) == 1, problems
    return problems[0]


def template(text: str, name: str = "text") -> dict[str, Any]:
    return {"id": name, "type": "template", "config": {"template": text}}


def test_a_sound_flow_has_no_problems() -> None:
    llm = {
        "id": "ask",
        "type": "llm",
        "config": {"prompt": "{{ ticket.subject }} {{ run.id }} {{ vars.x }}"},
    }
    assert (
        found(llm, template("{{ ask.text }}{% for x in ticket.body | split %}{{ x }}{% endfor %}"))
        == []
    )


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("{{ ticket.subjct }}", "unknown_field", "Did you mean 'subject'?"),
        ("{{ tiket.subject }}", "unknown_reference", "Did you mean 'ticket'?"),
        ("{{ end.value }}", "reference_not_before", "Connect 'end'"),
        ("{{ text.text }}", "reference_not_before", "its own node"),
        ("{{ run.ID }}", "unknown_field", "Did you mean 'id'?"),
        ("{{ ticket.subject | uper }}", "expression_syntax", "Did you mean 'upper'?"),
        ("{% if x %}", "expression_syntax", "endif"),
        ("{{ item.x }}", "unknown_reference", "only exists inside a map"),
    ],
)
def test_a_wrong_expression_is_reported_at_its_field(text: str, code: str, hint: str) -> None:
    problem = one(template(text))
    assert (problem.code, problem.node, problem.path) == (code, "text", "template")
    assert hint in problem.message
    assert problem.severity == "error"


def test_a_guarded_or_computed_field_is_not_judged() -> None:
    assert found(template("{{ ticket.other | default('x') }}{{ ticket[ticket.subject] }}")) == []


def test_a_reference_to_another_branch_is_refused() -> None:
    problem = one(
        {"id": "way", "type": "if", "config": {"condition": "{{ ticket.subject }}"}},
        template("a", "left"),
        template("{{ left.text }}", "right"),
        edges="ticket>way way.true>left way.false>right left>end right>end",
    )
    assert (problem.code, problem.node) == ("reference_not_before", "right")


def test_the_keys_of_an_answer_are_checked_against_its_schema() -> None:
    schema = {"type": "object", "properties": {"urgent": {"type": "boolean"}}}
    llm = {"id": "ask", "type": "llm", "config": {"prompt": "x", "output_schema": schema}}
    problem = one(llm, template("{{ ask.json.urgnt }}"))
    assert (problem.code, problem.severity) == ("unknown_field", "warning")
    assert "Did you mean 'urgent'?" in problem.message


@pytest.mark.parametrize(
    ("node", "code", "path"),
    [
        ({"type": "llm", "config": {}}, "config_missing", "prompt"),
        ({"type": "llm", "config": {"prompt": "x", "promt": "y"}}, "config_unknown", "promt"),
        (
            {"type": "llm", "config": {"prompt": "x", "max_tokens": 0}},
            "config_invalid",
            "max_tokens",
        ),
        ({"type": "llm", "config": {"prompt": " "}}, "config_invalid", "prompt"),
        (
            {"type": "llm", "config": {"prompt": "x", "output_schema": "{{ ticket }}"}},
            "config_invalid",
            "output_schema",
        ),
        ({"type": "http", "config": {"url": "example.com"}}, "config_invalid", "url"),
        ({"type": "stop", "config": {"status": "x"}}, "config_invalid", "status"),
        ({"type": "lmm"}, "unknown_type", "type"),
        (
            {"type": "template", "config": {"template": "x"}, "parent": "each"},
            "parent_invalid",
            "parent",
        ),
        (
            {"type": "template", "config": {"template": "x"}, "version": 9},
            "newer_version",
            "version",
        ),
    ],
)
def test_a_wrong_node_is_reported_at_its_setting(
    node: dict[str, Any], code: str, path: str
) -> None:
    problems = [p for p in found({"id": "x", **node}) if p.code != "unknown_port"]
    assert [(p.code, p.node, p.path) for p in problems] == [(code, "x", path)]


def test_values_that_are_expressions_are_judged_when_they_run() -> None:
    config = {"prompt": "x", "max_tokens": "{{ ticket.body }}", "temperature": "{{ vars.t }}"}
    http = {"url": "{{ ticket.body }}", "ok_statuses": ["{{ vars.s }}"], "method": "{{ vars.m }}"}
    assert (
        found(
            {"id": "a", "type": "llm", "config": config},
            {"id": "b", "type": "http", "config": http},
        )
        == []
    )


def test_an_attempt_that_ends_before_its_work_may_is_pointed_out() -> None:
    config = {"url": "https://example.com", "timeout_seconds": 300}
    problem = one({"id": "a", "type": "http", "config": config, "timeout_seconds": 60})
    assert (problem.code, problem.severity) == ("timeout_too_short", "warning")
    assert (problem.node, problem.path) == ("a", "timeout_seconds")
    assert "Remove it, or set it to 310." in problem.message
    assert found({"id": "a", "type": "http", "config": config, "timeout_seconds": 300}) == []
    assert found({"id": "a", "type": "http", "config": config}) == []


@pytest.mark.parametrize(
    ("condition", "code", "hint"),
    [
        ("{{ ticket.subject }} and {{ ticket.body }}", "condition_is_text", "one pair of braces"),
        ("{{ ticket.subject }} == 'x'", "condition_is_text", "one pair of braces"),
        ("ticket.subject", "condition_is_text", "one pair of braces"),
        (" ", "condition_empty", "never holds"),
    ],
)
def test_a_condition_that_is_text_is_pointed_out(condition: str, code: str, hint: str) -> None:
    way = {"id": "way", "type": "if", "config": {"condition": condition}}
    problem = one(way, edges="ticket>way way.true>end")
    assert (problem.code, problem.severity) == (code, "warning")
    assert (problem.node, problem.path) == ("way", "condition")
    assert hint in problem.message


@pytest.mark.parametrize(
    "condition", ["{{ ticket.subject }}", "{{ ticket.subject }}\n", " False", "yes", True, 0]
)
def test_a_condition_that_is_an_expression_or_a_word_is_sound(condition: Any) -> None:
    way = {"id": "way", "type": "if", "config": {"condition": condition}}
    assert found(way, edges="ticket>way way.true>end") == []


def test_blocks_outside_a_template_node_are_pointed_out() -> None:
    problem = one({"id": "a", "type": "llm", "config": {"prompt": "{% if x %}y{% endif %}"}})
    assert (problem.code, problem.severity) == ("block_is_text", "warning")


@pytest.mark.parametrize(
    ("edges", "code", "hint"),
    [
        ("ticket>way way.treu>end", "unknown_port", "Did you mean 'true'?"),
        ("ticket>way way>end", "unknown_port", "`from: way.true`, `from: way.false`"),
        ("ticket>way way.error>end", "unknown_port", "on_error to 'branch'"),
        ("ticket>way way.true>ende way.false>end", "unknown_node", "Did you mean 'end'?"),
        ("ticket>way way.true>ticket way.false>end", "edge_to_input", "where a run starts"),
    ],
)
def test_a_wrong_edge_is_reported(edges: str, code: str, hint: str) -> None:
    way = {"id": "way", "type": "if", "config": {"condition": True}}
    problem = next(p for p in found(way, edges=edges) if p.code == code)
    assert hint in problem.message
    assert problem.path is not None
    assert problem.path.startswith("edges[")


def test_the_error_port_exists_when_failures_branch() -> None:
    node = {**template("x"), "on_error": "branch"}
    assert (
        found(
            node, template("{{ text.error.message }}", "b"), edges="ticket>text text.error>b b>end"
        )
        == []
    )
    assert one(node).code == "error_unseen"


@pytest.mark.parametrize(
    ("type", "config", "ports"),
    [
        ("if", {"condition": "{{ ticket.subject }}"}, "true, false"),
        ("switch", {"cases": [{"name": "low", "when": 1}]}, "low, default"),
    ],
)
def test_a_run_cannot_continue_behind_a_failed_decision(
    type: str, config: dict[str, Any], ports: str
) -> None:
    way = {"id": "way", "type": type, "config": config, "on_error": "continue"}
    edges = f"ticket>way way.{ports.partition(',')[0]}>end"
    problem = one(way, edges=edges)
    assert (problem.code, problem.node, problem.path) == ("continue_without_way", "way", "on_error")
    assert f"({ports})" in problem.message
    assert "Set on_error to 'branch'" in problem.message
    assert found({**way, "on_error": "branch"}, edges=f"{edges} way.error>end") == []


def test_a_run_continues_behind_a_node_with_one_way_on_or_none() -> None:
    stop = {"id": "halt", "type": "stop", "on_error": "continue"}
    nodes = [{**template("x"), "on_error": "continue"}, stop]
    assert found(*nodes, edges="ticket>text text>end ticket>halt") == []


def test_a_loop_is_named() -> None:
    problems = found(
        template("{{ b.text }}", "a"), template("x", "b"), edges="ticket>a a>b b>a b>end"
    )
    assert [p.code for p in problems] == ["loop"]
    assert "a → b → a" in problems[0].message or "b → a → b" in problems[0].message


def test_input_and_output_are_asked_for() -> None:
    assert [p.code for p in validate(parse({"name": "x"}), registry())] == [
        "input_missing",
        "output_missing",
    ]
    second = {"id": "more", "type": "input"}
    assert "input_twice" in [p.code for p in found(second, edges="ticket>end")]


def test_unconnected_nodes_and_notes_with_edges_are_pointed_out() -> None:
    assert one(template("x"), edges="ticket>end").code == "unconnected"
    note = {"id": "remark", "type": "note"}
    assert one(note, edges="ticket>end ticket>remark").code == "edge_to_note"


@pytest.mark.parametrize("name", ["if", "run", "item", "null", "for"])
def test_names_with_another_meaning_are_refused(name: str) -> None:
    assert one(template("x", name)).code == "reserved_id"


def test_the_largest_flow_is_validated_in_seconds() -> None:
    nodes = [
        INPUT,
        *(template("{{ ticket.subject }} " + f"{{{{ 'v{i}' }}}}", f"n{i}") for i in range(1_998)),
        OUTPUT,
    ]
    names = [node["id"] for node in nodes]
    edges = [
        {"from": names[i], "to": names[j]}
        for i in range(2_000)
        for j in range(i + 1, min(i + 5, 2_000))
    ]
    document = parse({"name": "Large", "nodes": nodes, "edges": edges})
    began = time.process_time()
    assert validate(document, registry()) == []
    assert time.process_time() - began < 5


def test_more_expressions_than_can_be_checked_are_refused_quickly() -> None:
    texts = ["".join(f"{{{{ 'x{i}y{j}' }}}}" for j in range(1_000)) for i in range(60)]
    node = {
        "id": "a",
        "type": "transform",
        "config": {"fields": {f"f{i}": t for i, t in enumerate(texts)}},
    }
    began = time.process_time()
    assert one(node).code == "too_many_expressions"
    assert time.process_time() - began < 2


def test_a_budget_is_no_problem() -> None:
    sound = {"name": "Test", "nodes": [INPUT, OUTPUT], "edges": [{"from": "ticket", "to": "end"}]}
    assert validate(parse({**sound, "settings": {"budget": "0.50"}}), registry()) == []
