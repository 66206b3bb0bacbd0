"""Documents are read within limits, refused with a cure, and written canonically."""

import json
import time
from typing import Any

import pytest

from flows.engine.document import digest, dump, dump_json, dump_yaml, parse
from flows.engine.document_text import MAX_BYTES
from flows.engine.errors import DocumentInvalid, Problem

SMALL: dict[str, Any] = {
    "schema": "fluxprompt.flow/v1",
    "name": "Small",
    "nodes": [{"id": "a", "type": "input"}, {"id": "b", "type": "output"}],
    "edges": [{"from": "a", "to": "b"}],
}


def problems(source: Any) -> list[Problem]:
    with pytest.raises(DocumentInvalid) as caught:
        parse(source)
    return caught.value.problems


def codes(source: Any) -> list[str]:
    return [problem.code for problem in problems(source)]


def changed(**more: Any) -> dict[str, Any]:
    return {**SMALL, **more}


def test_json_yaml_and_data_give_the_same_document() -> None:
    yaml_text = "name: Small\nnodes:\n- {id: a, type: input}\n- {id: b, type: output}\n"
    yaml_text += "edges: [{from: a, to: b}]\n"
    assert parse(SMALL) == parse(json.dumps(SMALL)) == parse(yaml_text)
    assert parse(yaml_text.encode()) == parse("\ufeff" + yaml_text) == parse(SMALL)
    flow_style = "{name: Small, nodes: [{id: a, type: input}, {id: b, type: output}], "
    assert parse(flow_style + "edges: [{from: a, to: b}]}") == parse(SMALL)


def test_edges_name_a_port_or_take_the_default_one() -> None:
    document = parse(changed(edges=[{"from": "a.yes", "to": "b"}, {"from": "a", "to": "b"}]))
    assert [(e.source, e.port, e.target) for e in document.edges] == [
        ("a", "yes", "b"),
        ("a", "out", "b"),
    ]
    assert dump(document)["edges"] == [{"from": "a.yes", "to": "b"}, {"from": "a", "to": "b"}]


def test_defaults_are_left_out_and_keys_are_sorted() -> None:
    node = {"id": "a", "type": "llm", "version": 1, "label": "", "config": {"z": 1, "a": 2}}
    document = parse(changed(nodes=[{**node, "on_error": "stop", "timeout_seconds": 60.0}]))
    assert dump_json(parse({**dump(document), "edges": []})).startswith('{\n  "name": "Small"')
    assert dump(document)["nodes"] == [
        {"config": {"a": 2, "z": 1}, "id": "a", "timeout_seconds": 60, "type": "llm"}
    ]
    assert list(dump(document)["nodes"][0]["config"]) == ["a", "z"]


@pytest.mark.parametrize(
    "retry", [{}, {"initial_seconds": 5}, {"max_attempts": 1}, {"max_attempts": 4, "backoff": 2}]
)
def test_a_retry_is_exported_as_it_was_written(retry: dict[str, float]) -> None:
    node = {"id": "a", "type": "llm", "retry": retry}
    document = parse(changed(nodes=[node], edges=[]))
    assert dump(document)["nodes"][0]["retry"] == retry
    assert dump(parse(dump_yaml(document))) == dump(document)


def test_the_digest_ignores_the_layout_and_nothing_else() -> None:
    plain = digest(parse(SMALL))
    assert plain == digest(parse(changed(layout={"a": {"x": 5, "y": 6}})))
    assert plain != digest(parse(changed(name="Other")))
    assert plain != digest(parse(changed(nodes=SMALL["nodes"][::-1])))
    assert len(plain) == 64


@pytest.mark.parametrize(
    "text", ["on", "yes", "No", "2026-01-01", "1_000", "0o14", "12:30", "=", "<<"]
)
def test_yaml_words_of_older_versions_stay_text(text: str) -> None:
    document = parse(f"name: X\nnodes: [{{id: a, type: input, config: {{v: {text}}}}}]")
    assert document.nodes[0].config == {"v": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("1", 1),
        ("-1.5e3", -1500.0),
        ("'1'", "1"),
    ],
)
def test_yaml_core_values_are_read(text: str, value: Any) -> None:
    document = parse(f"name: X\nnodes:\n- id: a\n  type: input\n  config:\n    v: {text}\n")
    assert document.nodes[0].config == {"v": value}


@pytest.mark.parametrize(
    "text",
    [
        "name: !!python/object/apply:os.system ['id']",
        "name: !!str x",
        "name: !custom x",
        "name: &a x\ndescription: *a",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
        "<<: {name: x}\nname: !!binary aGk=",
        "name: x\n---\nname: y",
        "name: [unclosed",
        "name: x\n\tname: y",
        "? {a: b}\n: c",
        "{name: x, schema: .inf}",
        "name: \x01",
        '{"name": NaN}',
        '{"name": "x",}',
        '{"name": ' + "9" * 5_000 + "}",
        "name: " + "9" * 5_000,
        "just text",
        "[1, 2]",
        "",
        "{}",
    ],
)
def test_what_is_no_plain_document_is_refused(text: str) -> None:
    found = problems(text)
    assert all(problem.message.endswith((".", "]", "}")) for problem in found)


@pytest.mark.parametrize(
    "source",
    [
        "[" * 2_000_000,
        '{"a":' * 500_000,
        "a: " + "[" * 2_000_000,
        "- " * 1_000_000,
        "{name: x, v: " + "{a: " * 1_000 + "1" + "}" * 1_000 + "}",
        {"name": "x", "nodes": [{"id": "a", "type": "input", "config": {"v": "deep"}}]},
    ],
    ids=["brackets", "objects", "yaml", "dashes", "closed", "data"],
)
def test_deep_nesting_is_refused_quickly(source: Any) -> None:
    if isinstance(source, dict):
        deep: Any = []
        for _ in range(5_000):
            deep = [deep]
        source["nodes"][0]["config"]["v"] = deep
    began = time.process_time()
    assert codes(source)[0] in (
        "document_too_deep",
        "document_too_large",
        "document_syntax",
    )
    assert time.process_time() - began < 2


def test_too_large_documents_are_refused() -> None:
    assert codes("x" * (MAX_BYTES + 1)) == ["document_too_large"]
    assert codes("é" * (MAX_BYTES // 2 + 1)) == ["document_too_large"]
    nodes = [{"id": f"n{i}", "type": "input"} for i in range(2_001)]
    assert codes(changed(nodes=nodes)) == ["document_too_large"]
    assert codes(changed(edges=[{"from": "a", "to": "b"}] * 10_001)) == ["document_too_large"]


@pytest.mark.parametrize("text", ['{"name": "a", "name": "b"}', "name: a\nname: b"])
def test_repeated_keys_are_refused(text: str) -> None:
    assert codes(text) == ["duplicate_key"]


@pytest.mark.parametrize(
    "value", ["a\x00b", "\ud800", float("nan"), float("inf"), 2**300, (1,), b"x"]
)
def test_values_that_cannot_be_stored_are_refused(value: Any) -> None:
    assert codes(changed(description=value)) == ["document_shape"]


@pytest.mark.parametrize("value", ["a\x00b", "\ud800", float("nan"), 10**77, 1e77, (1,)])
def test_a_value_that_cannot_be_stored_is_named_with_its_place(value: Any) -> None:
    node = {"id": "a", "type": "input", "config": {"some": [1, {"deep": value}]}}
    (problem,) = problems(changed(nodes=[node], edges=[]))
    assert (problem.node, problem.path) == ("a", "config.some[1].deep")
    assert problem.message.startswith("'config.some[1].deep' of node 'a' ")
    text = f"name: x\nnodes: [{{id: a, type: input, config: {{v: {'9' * 77}, w: 1e77}}}}]"
    assert [(p.node, p.path) for p in problems(text)] == [("a", "config.w")]


def test_an_unknown_key_names_the_nearest_one() -> None:
    found = problems(changed(nodes=[{"id": "a", "type": "input", "lable": "x"}], edges=[]))
    assert found == [
        Problem(
            "unknown_key", "Unknown key 'lable' in node 'a'. Did you mean 'label'?", "a", "lable"
        )
    ]
    assert "'settings'" in problems(changed(setings={}))[0].message
    retry = [{"id": "a", "type": "input", "retry": {"attempts": 3}}]
    assert problems(changed(nodes=retry, edges=[]))[0].path == "retry.attempts"


@pytest.mark.parametrize(
    ("more", "node", "path"),
    [
        ({"on_error": "ignore"}, "a", "on_error"),
        ({"retry": {"max_attempts": 21}}, "a", "retry.max_attempts"),
        ({"timeout_seconds": 0}, "a", "timeout_seconds"),
        ({"config": []}, "a", "config"),
        ({"label": "x" * 201}, "a", "label"),
        ({"type": "Not A Type"}, "a", "type"),
        ({"id": "Bad id"}, "Bad id", "id"),
    ],
)
def test_a_wrong_value_is_reported_with_node_and_path(
    more: dict[str, Any], node: str, path: str
) -> None:
    found = problems(changed(nodes=[{"id": "a", "type": "input", **more}], edges=[]))
    assert [(p.code, p.node, p.path) for p in found] == [("document_shape", node, path)]


@pytest.mark.parametrize(
    ("edge", "advice"),
    [
        ({"from": "a", "port": "true"}, "write `from: a.true`."),
        ({"from": "a", "port": True}, "write `from: a.true`."),
        ({"from": "a", "from_port": "error"}, "write `from: a.error`."),
        ({"from": "a.true", "port": "true"}, "remove it."),
        ({"from": "a", "port": "no port"}, "remove it."),
        ({"from": "a", "label": "x"}, "remove it."),
    ],
)
def test_a_port_beside_an_edge_is_told_where_it_goes(edge: dict[str, Any], advice: str) -> None:
    nodes = [{"id": "a", "type": "input"}, {"id": "b", "type": "output"}]
    (problem,) = problems(changed(nodes=nodes, edges=[{**edge, "to": "b"}]))
    assert problem.code == "unknown_key"
    assert problem.message.endswith(f"on an edge; {advice}")


@pytest.mark.parametrize(
    ("given", "kept"),
    [(5, "5"), (0.5, "0.5"), (5.0, "5"), (0.000001, "0.000001"), ("5.00", "5.00")],
)
def test_a_budget_may_be_a_number_and_is_kept_as_text(given: Any, kept: str) -> None:
    assert parse(changed(settings={"budget": given})).settings.budget == kept


@pytest.mark.parametrize("given", [-1, "five", True, [], 10**10, 0.0000001, "5 USD"])
def test_a_budget_that_is_no_amount_says_how_to_write_one(given: Any) -> None:
    (problem,) = problems(changed(settings={"budget": given}))
    assert problem.message == (
        "'settings.budget' has to be an amount in US dollars such as \"5.00\": up to nine digits, "
        "and up to six after the point."
    )


def test_missing_parts_and_wrong_settings_are_reported() -> None:
    assert problems({"nodes": []})[0].path == "name"
    assert problems(changed(nodes=[{"id": "a"}], edges=[]))[0].path == "type"
    assert problems(changed(nodes=["a"], edges=[]))[0].path == "nodes[0]"
    assert problems(changed(nodes={}))[0].path == "nodes"
    assert problems(changed(settings={"budget": "-1"}))[0].path == "settings.budget"
    assert problems(changed(layout={"a": {"x": 1}}))[0].path == "layout"
    assert codes(changed(schema="fluxprompt.flow/v9")) == ["schema_unknown"]


@pytest.mark.parametrize(
    "edge",
    [
        "a>b",
        {"from": "a"},
        {"from": "a.b.c", "to": "b"},
        {"from": "a", "to": "b.in"},
        {"from": 1, "to": 2},
    ],
)
def test_an_edge_has_to_name_nodes(edge: Any) -> None:
    assert set(codes(changed(edges=[edge]))) == {"edge_shape"}


def test_repeated_ids_and_edges_are_refused() -> None:
    assert codes(changed(nodes=[*SMALL["nodes"], {"id": "a", "type": "llm"}])) == ["duplicate_id"]
    assert codes(changed(edges=SMALL["edges"] * 2)) == ["duplicate_edge"]


def test_a_document_of_the_largest_size_is_read_in_seconds() -> None:
    nodes = [
        {"id": f"n{i}", "type": "template", "config": {"template": "x" * 2_000}}
        for i in range(2_000)
    ]
    edges = [
        {"from": f"n{i}", "to": f"n{(i + k) % 2_000}"} for i in range(2_000) for k in range(1, 6)
    ]
    text = json.dumps({"name": "Large", "nodes": nodes, "edges": edges})
    began = time.process_time()
    document = parse(text)
    assert dump_yaml(parse(dump_yaml(document))) == dump_yaml(document)
    assert time.process_time() - began < 10


def test_the_condition_of_a_retry_is_written_as_if() -> None:
    node = {"id": "a", "type": "http", "retry": {"if": "{{ error.status == 500 }}"}}
    document = parse({"name": "x", "nodes": [node]})
    assert dump(document)["nodes"] == [node]
    (problem,) = problems({"name": "x", "nodes": [{**node, "retry": {"condition": "{{ 1 }}"}}]})
    assert (problem.code, problem.node, problem.path) == ("unknown_key", "a", "retry.condition")
